"""Layout, buttons, codes and pictures, as they come out at the other end."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.template import Context, Template
from django.utils import translation
from message.parts import PNG

from django_mailplus.message.wire import to_bytes
from django_mailplus.templated import TemplatedEmail, inlining, render_mail
from django_mailplus.templated.colours import palette

HEAD = (
    '{% extends "mailplus/layout.html" %}{% load mailplus %}'
    "{% block subject %}Order & more{% endblock %}"
)


TYPED = '<p style="@secret">Typed</p>'


def html_of(message):
    return message.alternatives[0][0]


@pytest.fixture
def body(templates):
    """A mail with this body."""
    counter = iter(range(99))

    def build(text, extra="", **options):
        name = f"body{next(counter)}"
        templates(
            f"mail/{name}.html",
            HEAD + extra + f"{{% block body %}}{text}{{% endblock %}}",
        )
        return render_mail(name, options.pop("context", {}), **options)

    return build


@pytest.fixture
def without_inliner(monkeypatch):
    monkeypatch.setattr(inlining, "_inliner", lambda: None)


def test_the_layout(body):
    message = body("<h1>Hello</h1>", "{% block preheader %}Soon & 'now'{% endblock %}")
    html = html_of(message)
    assert "<title>Order &amp; more</title>" in html
    assert re.search(r"display:none[^>]*>Soon &amp; (&#x27;|\')now", html)
    assert "\u034f\u200c\u00a0" in html or "&nbsp;" in html
    assert 'content="light dark"' in html
    assert "prefers-color-scheme: dark" in html
    assert "<!--[if mso]>" in html
    assert message.body == "shop.example.com\n\nHello\n"


@pytest.mark.parametrize(
    ("language", "said", "start"),
    [
        ("ar", 'lang="ar" dir="rtl"', "right"),
        ("de", 'lang="de" dir="ltr"', "left"),
        (None, 'lang="en-us" dir="ltr"', "left"),
    ],
)
def test_language_and_direction(body, language, said, start):
    """Also within the page, for programs that keep nothing of html and body."""
    with translation.override(language):
        message = body(
            "<ul><li>{{ language }}{% mail_code 12 %}</li></ul>",
            context={"language": "Esperanto"},
        )
    page, _, inner = html_of(message).partition("<body")
    assert f"<html {said}" in page
    for attribute in said.split():
        assert re.search(f'<table (?=[^>]*{attribute})[^>]*class="mp-page"', inner)
    if inlining.can_inline():
        assert re.search(f"<ul style=.*padding-{start}: ?24px", inner)
    assert re.search(r'<p (?=[^>]*dir="ltr")[^>]*class="mp-code"', inner)
    assert "Esperanto" in inner


def test_the_last_of_a_card_leaves_no_gap(body):
    pytest.importorskip("css_inline")
    html = html_of(body("<p>One</p>{% mail_button '/a/' %}Go{% endmail_button %}"))
    assert re.search(r'class="mp-wide"[^>]*margin-bottom: ?0 ?!important', html)
    assert "margin-bottom" not in html.split("One")[0].rpartition("<p")[2]


def test_styles_go_into_the_elements_and_media_queries_stay(body):
    pytest.importorskip("css_inline")
    html = html_of(
        body(
            '<p class="x">Hi</p>',
            "{% block styles %}.x { color: #123456 } .x:hover { color: red }{% endblock %}",
        )
    )
    assert re.search(r'<p[^>]*style="[^"]*color: ?#123456', html)
    assert ":hover" in html
    assert "@media" in html
    assert ".mp-body p" not in html


def test_without_css_inline_the_mail_goes_as_it_is(body, without_inliner):
    html = html_of(body("<h1>Hello</h1>"))
    assert ".mp-body h1" in html
    assert not inlining.can_inline()


def test_no_style_sheet_of_a_mail_is_fetched(body, tmp_path):
    pytest.importorskip("css_inline")
    sheet = tmp_path / "secret.css"
    sheet.write_text("p { color: #654321 }")
    # As a path it would become a link of the site.
    link = f'<link rel="stylesheet" href="{sheet.as_uri()}">'
    assert "#654321" not in html_of(body(f"{link}<p>Hi</p>"))


def test_a_style_that_is_none_does_not_keep_the_mail_back(body, caplog):
    pytest.importorskip("css_inline")
    html = html_of(body("<h1>Hello</h1>{{ typed|safe }}", context={"typed": TYPED}))
    assert TYPED in html
    assert ".mp-body h1" in html
    [record] = caplog.records
    assert "mail/body0.html" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_outlook_reads_widths_and_no_variables(body):
    pytest.importorskip("css_inline")
    html = html_of(
        body(
            '<table class="half"><tr><td>Hi</td></tr></table>',
            "{% block styles %}:root { --ours: #123456 }"
            " .half { width: 50%; color: var(--ours) }{% endblock %}",
        )
    )
    [table] = re.findall(r'<table class="half"[^>]*>', html)
    assert 'width="50%"' in table
    assert re.search(r"color: ?#123456", table)


def test_a_button_is_a_link_in_both_parts(body):
    message = body(
        '{% mail_button "/buy/?a=1&b=2" %}Buy & pay {{ name }}{% endmail_button %}',
        context={"name": "<now>"},
    )
    html = html_of(message)
    assert 'href="https://shop.example.com/buy/?a=1&amp;b=2"' in html
    assert "Buy &amp; pay &lt;now&gt;</a>" in html
    assert "Buy & pay <now>:\nhttps://shop.example.com/buy/?a=1&b=2\n" in message.body


def test_a_button_with_words_for_whom_it_fails(body):
    message = body(
        '{% mail_button "/buy/" fallback=words %}Buy{% endmail_button %}',
        context={"words": "Or here:"},
    )
    assert html_of(message).count("https://shop.example.com/buy/") == 3
    assert "Or here:" in html_of(message)
    # Which in a text would be the same URL once more.
    assert "Or here:" not in message.body


def test_a_code_stands_alone_on_its_line(body):
    message = body("<p>Your code:</p>{% mail_code code %}", context={"code": "12<4"})
    assert "12&lt;4" in html_of(message)
    assert "\n12<4\n" in message.body


TAGS_IN_TEXT = """{% load mailplus %}Hi {{ name }}
{% mail_button "/buy/?a=1&b=2" %}Buy & pay{% endmail_button %}
Type:{% mail_code code %}Bye"""


def test_in_a_text_buttons_and_codes_are_words(body, templates):
    in_words = "Hi O'Hara\n\nBuy & pay:\nhttps://shop.example.com/buy/?a=1&b=2\n\nType:\n12<4\nBye\n"
    context = {"name": "O'Hara", "code": "12<4"}
    message = body(
        "{% mail_code code %}",
        f"{{% block text %}}{TAGS_IN_TEXT}{{% endblock %}}",
        context=context,
    )
    assert message.body == in_words
    assert '<p class="mp-code"' in html_of(message)
    templates("mail/several_subject.txt", "S")
    templates("mail/several_message.txt", TAGS_IN_TEXT)
    templates("mail/several_message.html", "{% load mailplus %}{% mail_code code %}")
    message = render_mail("several", context)
    assert message.body == in_words
    assert '<p class="mp-code"' in html_of(message)


def test_the_accent_of_a_project(body, settings):
    settings.MAILPLUS |= {"MAIL_ACCENT_COLOR": "#ffcc00"}
    html = html_of(body('{% mail_button "/" %}Go{% endmail_button %}'))
    assert "background:#ffcc00" in html.replace(": #", ":#")
    assert "color:#000000" in html.replace(": #", ":#")
    settings.MAILPLUS |= {"MAIL_ACCENT_COLOR": "yellow"}
    with pytest.raises(
        ImproperlyConfigured, match=r"'yellow'\. Write a colour as #rrggbb"
    ):
        body('{% mail_button "/" %}Go{% endmail_button %}')


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """WCAG 2.2, definition of contrast ratio."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "accent", ["#000000", "#ffffff", "#1f5fbf", "#777777", "#ff0000"]
)
def test_colours_are_readable_on_each_other(accent):
    colours = palette(accent)
    assert contrast(colours.accent, colours.on_accent) >= 4.5
    assert contrast(colours.accent_on_dark, "#1e232b") >= 4.5


# Pictures


@pytest.fixture
def logo(tmp_path, settings):
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "logo.png").write_bytes(PNG)
    (folder / "words.txt").write_text("x")
    settings.STATICFILES_DIRS = [str(folder)]
    from django.contrib.staticfiles import finders

    finders.get_finder.cache_clear()
    yield folder / "logo.png"
    finders.get_finder.cache_clear()


def test_a_picture_travels_once_and_beside_the_html(body, logo):
    message = body(
        '<img src="{% inline_image "logo.png" %}" alt="Fern">'
        '<img src="{% inline_image path %}" alt="Fern again">',
        context={"path": Path(logo)},
    )
    parsed = message_from_bytes(to_bytes(message), policy=policy.default)
    html = parsed.get_body(("related", "html"))
    assert html.get_content_type() == "multipart/related"
    [image] = list(html.iter_attachments())
    assert image.get_content() == PNG
    assert image.get_filename() == "logo.png"
    content_id = image["Content-ID"].strip("<>")
    assert content_id.endswith("@mailplus.inline")
    assert html_of(message).count(f"cid:{content_id}") == 2
    assert "Fern" in message.body
    assert "cid:" not in message.body


def test_the_same_picture_has_the_same_id_in_every_mail(body, logo):
    text = '<img src="{% inline_image "logo.png" %}" alt="">'
    one, other = body(text), body(text)
    assert one.attachments[0]["Content-ID"] == other.attachments[0]["Content-ID"]


def test_a_picture_of_a_model(body):
    class Field(ContentFile):
        url = "/media/x.png"

    message = body(
        "<img src='{% inline_image field %}' alt=''>",
        context={"field": Field(PNG, name="shop/x.png")},
    )
    assert message.attachments[0].get_filename() == "x.png"


def test_a_picture_that_is_shown_nowhere_does_not_travel(body, logo):
    assert body("{% if 0 %}{% inline_image 'logo.png' %}{% endif %}").attachments == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.png", "there is no static file 'nowhere.png'. Looked in: "),
        ("words.txt", "'words.txt' is no picture by its name"),
    ],
)
def test_mistakes_about_pictures(body, logo, name, words):
    with pytest.raises(ImproperlyConfigured, match=re.escape(words)):
        body("{% inline_image '" + name + "' %}")


# On a page


def test_on_a_page_a_picture_is_its_url_and_links_are_those_of_the_request(
    rf, settings
):
    settings.MAILPLUS = {}
    page = Template(
        "{% load mailplus %}{% inline_image 'logo.png' %} {% inline_image field %} "
        "{% absolute_url 'login' %}"
    )
    field = SimpleNamespace(url="/media/x.png")
    request = rf.get("/", headers={"host": "testserver"})
    assert page.render(Context({"field": field, "request": request})) == (
        "/static/logo.png /media/x.png http://testserver/accounts/login/"
    )


def test_templated_email_writes_pictures_as_well(templates, logo):
    templates(
        "mail/x.html",
        HEAD
        + "{% block body %}<img src='{% inline_image \"logo.png\" %}'>{% endblock %}",
    )
    message = TemplatedEmail("x", to="ann@example.com")
    assert b"multipart/related" in to_bytes(message)
