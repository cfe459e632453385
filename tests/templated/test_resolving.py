"""Which files a mail is made of, by its name."""

from __future__ import annotations

import pytest

from django_mailplus.exceptions import MailTemplateError
from django_mailplus.templated import render_mail

ONE = "{% block subject %}One{% endblock %}{% block body %}<p>one</p>{% endblock %}"


@pytest.mark.parametrize(
    "path", ["mail/welcome.html", "welcome.html", "mail/welcome.email"]
)
def test_one_file(templates, path):
    templates(path, ONE)
    message = render_mail("welcome")
    assert (message.subject, message.body) == ("One", "one\n")
    assert message.mailplus_origin["template"] == path


@pytest.mark.parametrize(
    ("subject", "text", "html"),
    [
        ("welcome_subject.txt", "welcome_message.txt", "welcome_message.html"),
        ("welcome_subject.txt", "welcome_body.txt", "welcome_body.html"),
        ("welcome_subject.txt", "welcome.txt", "welcome.html"),
        ("welcome/subject.txt", "welcome/body.txt", "welcome/body.html"),
    ],
)
@pytest.mark.parametrize("parts", ["both", "text", "html"])
@pytest.mark.parametrize("folder", ["", "mail/"])
def test_several_files(templates, subject, text, html, parts, folder):
    templates(folder + subject, "It is\n{{ name }}\n")
    if parts != "html":
        templates(folder + text, "Hello {{ name }}")
    if parts != "text":
        templates(folder + html, "<p>Hi {{ name }}</p>")
    message = render_mail("welcome", {"name": "O'Hara & Co"})
    assert message.subject == "It is O'Hara & Co"
    greeting = "Hi" if parts == "html" else "Hello"
    assert message.body == f"{greeting} O'Hara & Co\n"
    contents = [alternative[0] for alternative in message.alternatives]
    assert len(contents) == (parts != "text")
    assert all("<p>Hi O&#x27;Hara &amp; Co</p>" in _raw(html) for html in contents)


def _raw(html):
    return html.replace("O'Hara", "O&#x27;Hara")


def test_djangos_own_password_reset_is_a_text_called_html(templates):
    templates("registration/password_reset_subject.txt", "Reset")
    templates("registration/password_reset_email.html", "Go to {{ url }}")
    message = render_mail(
        "registration/password_reset", {"url": "https://a.example/?a&b"}
    )
    assert message.body == "Go to https://a.example/?a&b\n"
    assert message.alternatives == []


def test_the_blocks_of_other_packages(templates):
    templates(
        "mail/order.email",
        "{% block subject %}S{% endblock %}{% block plain %}P & {{ x }}{% endblock %}"
        "{% block html %}<b>{{ x }}</b>{% endblock %}",
    )
    message = render_mail("order", {"x": "<"})
    assert message.body == "P & <\n"
    assert "<b>&lt;</b>" in message.alternatives[0][0]


SHOP = "{% block subject %}[Shop] {% block topic %}News{% endblock %}{% endblock %}{% block body %}{% endblock %}"


def test_the_subject_may_stand_in_what_a_file_extends(templates):
    templates("mail/shop.html", SHOP)
    templates("mail/middle.html", "{% extends 'mail/shop.html' %}")
    templates(
        "mail/sale.html",
        "{% extends 'mail/middle.html' %}{% block topic %}Sale{% endblock %}"
        "{% block body %}<p>Until Sunday.</p>{% endblock %}",
    )
    message = render_mail("sale")
    assert message.subject == "[Shop] Sale"


def test_a_layout_that_shows_a_subject_makes_no_mail_of_the_html_of_several(templates):
    templates("page.html", "<title>{% block subject %}{% endblock %}</title>")
    templates("welcome.html", "{% extends 'page.html' %}")
    templates("welcome_subject.txt", "Several")
    templates("welcome.txt", "several")
    message = render_mail("welcome")
    assert (message.subject, message.body) == ("Several", "several\n")


def test_one_file_comes_before_several(templates):
    templates("welcome_subject.txt", "Several")
    templates("welcome.txt", "several")
    templates("welcome.html", "<p>no block</p>")
    assert render_mail("welcome").subject == "Several"
    templates("news_subject.txt", "Several")
    templates("news.txt", "several")
    templates("news.html", ONE)
    assert render_mail("news").subject == "One"


@pytest.mark.parametrize(
    ("language", "subject"),
    [("de", "Deutsch"), ("de-at", "Österreich"), ("de-ch", "Deutsch"), ("fr", "One")],
)
def test_a_file_for_a_language_comes_first(templates, language, subject):
    templates("mail/welcome.html", ONE)
    templates("mail/welcome.de.html", ONE.replace("One", "Deutsch"))
    templates("mail/welcome.de-at.html", ONE.replace("One", "Österreich"))
    assert render_mail("welcome", language=language).subject == subject


def test_a_name_with_its_ending_is_that_file(templates):
    templates("mail/welcome.html", ONE)
    assert render_mail("mail/welcome.html").subject == "One"
    assert render_mail("welcome.html").subject == "One"
    templates("welcome_subject.txt", "Several")
    templates("welcome_message.txt", "several")
    with pytest.raises(MailTemplateError) as raised:
        render_mail("welcome.email")
    assert "welcome_subject" not in str(raised.value)


def test_one_error_names_every_path(templates, tmp_path):
    templates("welcome.html", "<p>A page, no mail</p>")
    templates("other_subject.txt", "A subject without a text")
    with pytest.raises(MailTemplateError) as raised:
        render_mail("welcome", language="de")
    lines = str(raised.value).splitlines()
    assert lines[0] == "There is no mail template 'welcome'."
    assert "  mail/welcome.de.html" in lines
    assert "  mail/welcome_subject.txt" in lines
    assert "  welcome.html (has no block named subject)" in lines
    assert f"  {tmp_path / 'templates'}" in lines
    assert lines[-1] == (
        "Add {% block subject %}…{% endblock %} to welcome.html, "
        "write mail/welcome.html with a block named subject, or correct the name."
    )
    assert len(lines) == len(set(lines))


def test_nothing_is_tried_that_is_not_named(templates):
    with pytest.raises(MailTemplateError) as raised:
        render_mail("a/welcome", language="pt-br")
    _, tried = str(raised.value).split("Tried:\n")
    names = tried.split("\nin the folders:")[0].split()
    forms = [
        "welcome{}.html",
        "welcome{}.email",
        "welcome_subject{}.txt",
        "welcome/subject{}.txt",
    ]
    assert names == [
        f"{folder}a/{form.format(code)}"
        for folder in ("mail/", "")
        for form in forms
        for code in (".pt-br", ".pt", "")
    ]  # fmt: skip


def test_the_folders_of_loaders_that_a_project_chose_are_named(settings, tmp_path):
    loaders = [
        ("django.template.loaders.filesystem.Loader", [str(tmp_path / "own")]),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [("django.template.loaders.cached.Loader", loaders)]
            },
        }
    ]
    with pytest.raises(MailTemplateError) as raised:
        render_mail("welcome")
    lines = str(raised.value).splitlines()
    assert f"  {tmp_path / 'own'}" in lines
    assert any(line.endswith("django_mailplus/templates") for line in lines)


def test_a_mail_that_only_lacks_its_subject_is_told_so(templates):
    templates("mail/welcome.html", "{% block body %}Hello{% endblock %}")
    with pytest.raises(MailTemplateError) as raised:
        render_mail("welcome")
    assert str(raised.value).splitlines()[-1] == (
        "Add {% block subject %}…{% endblock %} to mail/welcome.html."
    )
    with pytest.raises(MailTemplateError) as raised:
        render_mail("welcom")
    assert str(raised.value).splitlines()[-1] == (
        "Write mail/welcom.html with a block named subject, or correct the name."
    )


def test_what_a_template_extends_and_lacks_is_said_by_django(templates):
    from django.template import TemplateDoesNotExist

    templates("mail/welcome.html", "{% extends 'no/such.html' %}" + ONE)
    with pytest.raises(TemplateDoesNotExist, match=r"no/such\.html"):
        render_mail("welcome")


@pytest.fixture
def jinja(settings, tmp_path):
    """Writes a file for Jinja2, which is asked before Django."""
    pytest.importorskip("jinja2")
    folder = tmp_path / "jinja"
    folder.mkdir()
    engine = {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [str(folder)],
    }
    settings.TEMPLATES = [engine, *settings.TEMPLATES]
    return lambda name, content: (folder / name).write_text(content)


def test_another_engine_can_have_the_several_files(templates, jinja):
    jinja("welcome_subject.txt", "Hello {{ name | upper }}")
    jinja("welcome_message.txt", "{{ name | upper }}")
    message = render_mail("welcome", {"name": "ann"})
    assert (message.subject, message.body) == ("Hello ANN", "ANN\n")


def test_jinja_escapes_html_alone(templates, jinja):
    jinja("welcome_subject.txt", "{{ name }}")
    jinja("name.txt", "{{ name }}")
    jinja("welcome_message.txt", "{% include 'name.txt' %} {{ name|e }}")
    jinja("welcome_message.html", "<p>{{ name }}</p>")
    for _ in range(2):
        message = render_mail("welcome", {"name": "O'Hara & Co"})
        assert message.subject == "O'Hara & Co"
        assert message.body == "O'Hara & Co O&#39;Hara &amp; Co\n"
        assert "Hara &amp; Co</p>" in message.alternatives[0][0]


def test_what_jinja_lacks_in_a_subject_is_noted_as_in_html(templates, jinja):
    from django_mailplus.previews.unknown import unknown_names_noted

    jinja("welcome_subject.txt", "Hi {{ nam }}")
    jinja("welcome_message.txt", "Hi")
    render_mail("welcome")
    with unknown_names_noted() as noted:
        render_mail("welcome")
    assert list(noted) == ["a Jinja2 template: nam"]
