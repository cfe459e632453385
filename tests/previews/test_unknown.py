"""Names that a template shows and that nothing gave it are told; other uses of them are not."""

from __future__ import annotations

import html
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.template import Context, Engine
from django.template.loader import render_to_string

from django_mailplus.previews.unknown import unknown_names_noted

pytestmark = pytest.mark.django_db

TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"string_if_invalid": ""},
}
MAILS = """
from django_mailplus.templated import Mail

class Hello(Mail):
    template = "hello"
    name: str = "Ann"
    number: int = 7
    customer: object = None
    counter: object = None

    @classmethod
    def previews(cls):
        return {"Ann": cls(to="ann@example.com", customer={"name": "Ann"})}
"""
PAGE = """{% extends 'mailplus/layout.html' %}{% load i18n mailplus %}
{% block subject %}Hello {{ name }}{% endblock %}
{% block body %}
<p>Text</p> BODY
{% endblock %}"""


@pytest.fixture(autouse=True)
def usual_templates(settings):
    settings.TEMPLATES = [TEMPLATES]


@pytest.fixture
def unknown(found, tmp_path):
    """What is told of a mail with this body."""

    def told(body):
        case = found(MAILS)["shop_app.Hello"].cases[0]
        file = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
        file.write_text(PAGE.replace("BODY", body))
        shown = case.show()
        assert shown.problem is None
        return list(shown.unknown)

    return told


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("{{ custommer.name }}", ["custommer.name"]),
        ("{{ customer.nam }}", ["customer.nam"]),
        ("{{ customer.nam|title }}", ["customer.nam"]),
        ('{{ shipped|date:"j F" }}', ["shipped"]),
        ("{{ one }} {{ two }} {{ one }}", ["one", "two"]),
        ("{% if not gone %}{{ gone }}{% endif %}", ["gone"]),
        ('<a href="{{ ulr }}">x</a>', ["ulr"]),
        (
            "{% with who=custommer.name %}{{ customer.who }}{% endwith %}",
            ["customer.who"],
        ),
        ("{% blocktranslate %}Dear {{ nam }}{% endblocktranslate %}", ["nam"]),
        (
            "{% blocktranslate %}{{ customer.name }}{% endblocktranslate %}",
            ["customer.name"],
        ),
        (
            "{% blocktranslate with who=customer.nam %}{{ who }}{% endblocktranslate %}",
            ["customer.nam"],
        ),
        (
            "{% blocktranslate count n=number %}one{% plural %}{{ n }} {{ teas }}"
            "{% endblocktranslate %}",
            ["teas"],
        ),
        ("{% mail_code cod %}", ["cod"]),
    ],
)
def test_a_hole_is_told(unknown, body, names):
    place = "mail/hello.html, line 4"
    assert unknown(body) == [f"{place}: {name}" for name in names]


@pytest.mark.parametrize(
    "body",
    [
        "{% if missing %}x{% endif %}",
        "{% if not missing.name and missing != 3 %}x{% endif %}",
        "{% for each in missing %}{{ each }}{% empty %}none{% endfor %}",
        '{{ missing|default:"there" }}',
        '{{ missing|default:"" }}',
        '{{ missing|default_if_none:"" }}',
        "{% firstof missing name %}",
        "{% with who=missing %}{% if who %}{{ who }}{% endif %}{% endwith %}",
        "{% include 'mailplus/mail/code.html' with code=name colour=missing %}",
        "{% mail_button 'https://shop.example.com' fallback=missing %}Shop{% endmail_button %}",
        "{% translate 'x' as said %}{{ said }}",
        "{{ counter }}{{ customer.items|length }}{{ block.super }}",
        "{{ mailplus.preheader }}{{ email }}{{ site_name }}",
        "{% blocktranslate with who=missing|default:name %}{{ who }}{% endblocktranslate %}",
        "{% blocktranslate count n=number %}one{% plural %}{{ n }} {{ name }}"
        "{% endblocktranslate %}",
    ],
)
def test_what_shows_nothing_of_it_may_be_unknown(unknown, body):
    assert unknown(body) == []


def test_the_file_is_the_one_that_has_the_name(unknown, tmp_path):
    part = tmp_path / "shop_app" / "templates" / "mail" / "part.html"

    def told():
        return unknown("{% include 'mail/part.html' %}")

    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text("\n\n{{ nobody }}")
    assert told() == ["mail/part.html, line 3: nobody"]


def test_a_value_that_counts_is_asked_once(unknown, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "django_mailplus.templated.rendering.Writing.counted",
        property(lambda _self: asked.append(1) or len(asked)),
        raising=False,
    )
    assert unknown("{{ mailplus.counted }}") == []
    assert len(asked) == 1


def test_the_check_names_them(app, tmp_path):
    app(MAILS)
    file = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
    file.write_text(PAGE.replace("BODY", "{{ custommer.name }} {{ nam }}"))
    out = StringIO()
    with pytest.raises(CommandError, match=r"^1 failed"):
        call_command("mailpreview", "--check", stdout=out, no_color=True)
    line = next(line for line in out.getvalue().splitlines() if "FAILED" in line)
    assert line.startswith("FAILED  shop_app.Hello ann en-us: 2 unknown names: ")
    assert line.endswith(
        "(mail/hello.html, line 4: custommer.name; mail/hello.html, line 4: nam)"
    )


def test_the_page_shows_them(app, tmp_path, client, settings):
    settings.DEBUG = True
    app(MAILS)
    file = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
    file.write_text(PAGE.replace("BODY", "{{ custommer.name }}"))
    page = html.unescape(
        client.get("/mail/previews/shop_app.Hello/ann/").content.decode()
    )
    assert '<span class="note bad">1 unknown name</span>' in page
    assert "mail/hello.html, line 4: custommer.name" in page


def test_a_function_that_renders_by_itself(found, tmp_path):
    preview = found(
        previews="""
        from django.core.mail import EmailMessage
        from django.template.loader import render_to_string
        from django_mailplus.previews import preview

        @preview
        def plain():
            return EmailMessage("S", render_to_string("mail/part.txt", {"name": "Ann"}))
        """
    )["shop_app.plain"]
    part = tmp_path / "shop_app" / "templates" / "mail" / "part.txt"
    part.write_text("Dear {{ nam }},")
    shown = preview.cases[0].show()
    assert shown.message.body == "Dear ,"
    assert shown.unknown == ("mail/part.txt, line 1: nam",)


def test_templates_of_a_string_have_no_name():
    with unknown_names_noted() as noted:
        Engine().from_string("{{ x }}").render(Context())
    assert list(noted) == ["a template without a file, line 1: x"]


def test_outside_and_in_other_threads_nothing_changes():
    template = Engine(string_if_invalid="?%s?").from_string("{{ x }}{{ y|upper }}")
    shown = []
    with unknown_names_noted() as noted:
        thread = threading.Thread(
            target=lambda: shown.append(template.render(Context({"y": "why"})))
        )
        thread.start()
        thread.join()
        assert list(noted) == []
        shown.append(template.render(Context({"y": "why"})))
    assert list(noted) == ["a template without a file, line 1: x"]
    shown.append(template.render(Context({"y": "why"})))
    assert shown == ["?x?WHY"] * 3
    assert len(noted) == 1


def test_jinja_templates(settings, tmp_path):
    pytest.importorskip("jinja2")
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.jinja2.Jinja2",
            "DIRS": [tmp_path],
        }
    ]
    (tmp_path / "hello.html").write_text(
        "{{ nam }}{{ customer.surname }}{{ gone|default('x') }}{% if gone %}x{% endif %}"
    )
    with unknown_names_noted() as noted:
        shown = render_to_string("hello.html", {"customer": {}})
    assert shown == "x"
    assert list(noted) == ["a Jinja2 template: nam", "a Jinja2 template: surname"]
