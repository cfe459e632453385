"""The pages of the previews: who may look, what they show, what can be sent."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth import get_user_model
from django.core import mail

pytestmark = pytest.mark.django_db

WALL = "/mail/previews/"
HELLO = f"{WALL}shop_app.Hello/ann/"
MAILS = '''
import datetime
from decimal import Decimal
from django_mailplus.templated import Mail

class Hello(Mail):
    """Says hello."""
    template = "hello"
    name: str
    number: int = 7
    price: Decimal = Decimal("1.50")
    day: datetime.date = datetime.date(2030, 1, 2)
    loud: bool = True

    @classmethod
    def previews(cls):
        return {"Ann": cls(to="ann@example.com", name="Ann"), "<b>": cls(name="</pre><script>")}
'''


@pytest.fixture(autouse=True)
def debug(settings):
    settings.DEBUG = True


@pytest.fixture
def shop(app):
    app(MAILS)


def text(response):
    return html.unescape(response.content.decode())


def test_the_wall_shows_a_frame_for_every_case(client, shop):
    page = text(client.get(WALL))
    assert f'src="{HELLO}frame/?lang=en-us"' in page
    assert "Says hello." in page
    # Our own come last.
    assert page.index("shop_app") < page.index("mailplus.verify_address")


def test_the_wall_in_another_language(client, shop, settings):
    settings.LANGUAGES = [("en-us", "English"), ("de", "German")]
    assert f"{HELLO}frame/?lang=de" in text(client.get(f"{WALL}?lang=de"))
    assert f"{HELLO}frame/?lang=en-us" in text(client.get(f"{WALL}?lang=x"))


def test_what_is_broken_stands_on_the_wall_with_its_traceback(client, app):
    app("1 / 0")
    page = text(client.get(WALL))
    assert "mails.py" in page
    assert "ZeroDivisionError: division by zero" in page
    assert "Traceback (most recent call last)" in page


def test_two_mails_of_one_name_both_have_their_page(client, app):
    app(MAILS, MAILS.replace('name="Ann"', 'name="Bob"'))
    wall = text(client.get(WALL))
    for module, name in {"mails": "Ann", "previews": "Bob"}.items():
        url = f"{WALL}shop_app.{module}.Hello/ann/"
        assert f'<a href="{url}?lang=en-us">{module}.Hello</a>' in wall
        assert f"<bdi>Hello {name}</bdi>" in text(client.get(url))
    assert client.get(HELLO).status_code == 404


def test_a_project_without_mails_is_told_how_to_begin(client, monkeypatch):
    monkeypatch.setattr("django_mailplus.previews.views.find_previews", list)
    assert "class WelcomeMail(Mail):" in text(client.get(WALL))


def test_a_mail_has_its_subject_its_frame_and_a_verdict(client, shop):
    page = text(client.get(HELLO))
    assert "<bdi>Hello Ann</bdi>" in page
    assert f'src="{HELLO}frame/?lang=en-us"' in page
    assert 'sandbox="allow-popups' in page
    assert "text ok" in page
    for title in ("HTML", "Text", "Desktop", "As here", "Inverted"):
        assert f">{title}</a>" in page
    assert "Hello Ann, 7" in text(client.get(f"{HELLO}frame/?lang=en-us"))


def test_a_style_that_is_none_stands_on_the_page(client, shop, tmp_path):
    pytest.importorskip("css_inline")
    file = tmp_path / "shop_app" / "templates" / "mail" / "hello.html"
    file.write_text(file.read_text().replace("<p>", '<p style="color red">'))
    page = text(client.get(HELLO))
    assert '<dt class="note bad">refused style</dt>' in page
    assert "The CSS of mail/hello.html stays in <style>" in page
    assert "Hello Ann, 7" in text(client.get(f"{HELLO}frame/"))


def test_the_text_part(client, shop):
    assert "\nHello Ann, 7\n" in text(client.get(f"{HELLO}?as=text"))


def test_all_languages_side_by_side(client, settings):
    settings.LANGUAGES = [("en-us", "English"), ("de", "German")]
    page = text(client.get(f"{WALL}mailplus.password_reset/sample/?lang=all"))
    assert "A new password for" in page
    assert "Ein neues Passwort für" in page
    assert page.count("<iframe") == 2


def test_values_are_a_form_by_their_types(client, shop):
    page = text(client.get(HELLO))
    kinds = dict(re.findall(r'<input type="(\w+)" name="v-(\w+)"', page))
    assert set(re.findall(r'name="v-(\w+)"', page)) == {
        "given",
        "name",
        "number",
        "price",
        "day",
        "loud",
    }
    assert "checkbox" in kinds
    query = "v-given=1&v-name=Zo%C3%AB&v-number=9&v-price=2&v-day=2030-02-03"
    page = text(client.get(f"{HELLO}?{query}"))
    assert "<bdi>Hello Zoë</bdi>" in page
    frame = re.search(rf'src="({re.escape(HELLO)}frame/[^"]+)"', page)[1]
    assert "Hello Zoë, 9" in text(client.get(frame))


def test_new_values_change_nothing_else_of_the_page(client, shop, settings):
    settings.LANGUAGES = [("en-us", "English"), ("de", "German")]
    chosen = {"lang": "all", "as": "text", "width": "phone", "scheme": "dark"}
    chosen["remote"] = "1"
    page = text(client.get(HELLO, chosen))
    form = page[page.index('<form class="values"') :]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', form))
    assert hidden == chosen
    assert 'name="scheme" value=""' in text(client.get(HELLO))


def test_a_box_that_is_off_is_off_in_the_frame(client):
    sample = f"{WALL}mailplus.verify_address/sample/"
    page = text(client.get(f"{sample}?v-given=1&v-code=123456"))
    frame = re.search(rf'src="({re.escape(sample)}frame/[^"]+)"', page)[1]
    assert "sample-verify" in text(client.get(f"{sample}frame/"))
    assert "sample-verify" not in text(client.get(frame))


def test_a_value_of_a_wrong_type_is_an_error_of_the_form(client, shop):
    page = text(client.get(f"{HELLO}?v-given=1&v-name=Bob&v-number=many"))
    assert "Enter a whole number." in page
    assert "<bdi>Hello Ann</bdi>" in page  # the sample as it is


def test_an_empty_number_is_that_of_the_sample(client, shop):
    page = text(client.get(f"{HELLO}?v-given=1&v-name=Bob&v-number=&as=text"))
    assert "Hello Bob, 7" in page


MAYBE = """
from __future__ import annotations
import datetime
from typing import Annotated, Optional
from django.core.mail import EmailMessage
from django_mailplus.previews import preview
from django_mailplus.templated import Mail

class Maybe(Mail):
    template = "hello"
    name: str | None = None
    number: Optional[int] = 7
    day: datetime.date | None = None
    loud: bool | None = None
    thing: Annotated[object | None, []] = None
    both: int | str | None = None

    @classmethod
    def previews(cls):
        return {"sample": cls(to="ann@example.com")}

@preview
def maybe(
    name: str | None = "Ann",
    number: Optional[int] = None,
    day: datetime.date | None = None,
    loud: bool | None = None,
    both: int | str | None = None,
):
    return EmailMessage(f"Hello {name}", f"Hello {name}, {number}, {day}, {loud}")
"""


NAMES = ["name", "number", "day", "loud"]


@pytest.mark.parametrize("mail", ["Maybe", "maybe"])
def test_what_may_be_none_has_a_field(client, app, mail):
    app(MAYBE)
    sample = f"{WALL}shop_app.{mail}/sample/"
    form = text(client.get(sample))
    assert re.findall(r'name="v-(\w+)"', form) == ["given", *NAMES]
    page = text(client.get(f"{sample}?v-given=1&v-name=Zo%C3%AB&v-number=9&as=text"))
    assert "Hello Zoë, 9" in page


@pytest.mark.parametrize("mail", ["Maybe", "maybe"])
def test_a_field_left_empty_is_none_where_that_may_be(client, app, mail):
    app(MAYBE)
    empty = "v-given=1&v-name=&v-number=&v-day=&v-loud=unknown&as=text"
    page = text(client.get(f"{WALL}shop_app.{mail}/sample/?{empty}"))
    assert "Hello None, None" in page


def test_a_box_with_three_states(client, app):
    app(MAYBE)
    sample = f"{WALL}shop_app.maybe/sample/?v-given=1&as=text"
    for state, value in {"true": True, "false": False, "unknown": None}.items():
        page = text(client.get(f"{sample}&v-loud={state}"))
        assert re.search(rf", {value}\s*</pre>", page)


def test_an_annotation_for_type_checkers_alone_is_passed_over(client, app):
    base, *_ = MAYBE.replace("datetime.date |", "Order |").partition("@preview")
    app(f"{base}class More(Maybe):\n    size: int | None = None\n")
    fields = {"Maybe": ["number"], "More": ["number", "size"]}
    for name, names in fields.items():
        form = text(client.get(f"{WALL}shop_app.{name}/sample/"))
        assert re.findall(r'name="v-(\w+)"', form) == ["given", *names]


def test_what_raises_is_shown_in_place(client, app):
    app(MAILS.replace('"hello"', '"nowhere"'))
    assert "MailTemplateError: There is no mail template" in text(client.get(HELLO))
    frame = client.get(f"{HELLO}frame/")
    assert frame.status_code == 200
    assert "Traceback (most recent call last)" in text(frame)
    assert "sandbox" in frame.headers["Content-Security-Policy"]


def test_nothing_of_a_sample_is_markup_of_the_page(client, shop):
    page = client.get(f"{WALL}shop_app.Hello/b/?as=text").content.decode()
    assert "<script>" not in page
    assert "&lt;/pre&gt;&lt;script&gt;" in page


@pytest.mark.parametrize(
    "path",
    ["no.Such/sample/", "shop_app.Hello/nothing/", "shop_app.Hello/nothing/frame/"],
)
def test_what_is_not_there_is_not_found(client, shop, path):
    assert client.get(WALL + path).status_code == 404


# Who may look


@pytest.mark.parametrize(
    "page", ["", "shop_app.Hello/ann/", "shop_app.Hello/ann/frame/"]
)
def test_only_developers_and_staff_may_look(client, shop, settings, page):
    settings.DEBUG = False
    assert client.get(WALL + page).status_code == 404
    staff = get_user_model().objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert client.get(WALL + page).status_code == 404
    settings.MAILPLUS |= {"INBOX_FOR_STAFF": True}
    assert client.get(WALL + page).status_code == 200


@pytest.mark.parametrize(
    "page", ["", "shop_app.Broken/ann/", "shop_app.Broken/ann/frame/"]
)
@pytest.mark.parametrize("debug", [True, False])
def test_only_with_debug_is_code_of_the_project_shown(
    client, app, settings, page, debug
):
    app(
        MAILS.replace('"hello"', '"nowhere"').replace("Hello(", "Broken("),
        "1 / 0",
    )
    settings.MAILPLUS |= {"INBOX_FOR_STAFF": True}
    settings.DEBUG = debug
    client.force_login(get_user_model().objects.create_user("staff", is_staff=True))
    page = text(client.get(WALL + page))
    assert "Error: " in page
    assert ("Traceback (most recent call last)" in page) is debug
    assert ("is shown with <code>DEBUG</code>" in page) is not debug


def test_remote_pictures_are_left_out_until_they_are_asked_for(client, pictured):
    sample = f"{WALL}shop_app.Pictured/ann/"
    loaded = "https://far.example.com/dot.gif"
    page = text(client.get(sample))
    assert "from far.example.com" in page
    assert loaded not in text(client.get(f"{sample}frame/?lang=en-us"))
    policy = client.get(f"{sample}frame/").headers["Content-Security-Policy"]
    assert "img-src data:;" in policy
    asking = re.search(r'<a href="([^"]+)">Load remote images', page)[1]
    page = text(client.get(f"{sample}{asking}"))
    assert "Leave remote images out" in page
    frame = client.get(re.search(r'<iframe [^>]*src="([^"]+)"', page)[1])
    assert loaded in text(frame)
    policy = frame.headers["Content-Security-Policy"]
    assert "img-src data: https: http:;" in policy
    assert "sandbox" in policy
    # The wall loads nothing, and a text has no pictures.
    assert "remote" not in text(client.get(f"{WALL}?remote=1"))
    assert "Load remote images" not in text(client.get(f"{sample}?as=text"))


def test_a_mail_without_remote_pictures_has_nothing_to_load(client, shop):
    assert "remote images" not in text(client.get(HELLO))


def test_the_headers(client, shop):
    page = client.get(HELLO)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"


# Sending


@pytest.fixture
def release(with_mailers, settings):
    locmem = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
    rules = {"INBOX_RELEASE_TO": ["me@example.com"], "INBOX_RELEASE_MAILER": "real"}
    with_mailers(
        {"default": locmem, "real": locmem}, MAILPLUS={**settings.MAILPLUS, **rules}
    )


def test_a_sample_is_sent_to_one_who_is_allowed(client, shop, release):
    fields = {"address": "me@example.com", "v-given": "1", "v-name": "Zoë"}
    response = client.post(f"{HELLO}send/", fields)
    assert "on its way to me@example.com" in text(response)
    [sent] = mail.outbox
    assert sent.recipients() == ["me@example.com"]
    assert sent.subject == "Hello Zoë"


def test_to_nobody_else(client, shop, release):
    response = client.post(f"{HELLO}send/", {"address": "ann@example.com"})
    assert response.status_code == 400
    assert "'ann@example.com' is not among those who may get mail" in text(response)
    assert mail.outbox == []


def test_nothing_is_sent_where_nothing_is_released(client, shop):
    assert "INBOX_RELEASE_TO" in text(client.get(HELLO))
    response = client.post(f"{HELLO}send/", {"address": "me@example.com"})
    assert response.status_code == 400
    assert mail.outbox == []


def test_sending_is_a_post_with_a_token(client, shop, release, settings):
    from django.test import Client

    assert client.get(f"{HELLO}send/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert (
        strict.post(f"{HELLO}send/", {"address": "me@example.com"}).status_code == 403
    )


def test_what_cannot_be_rendered_cannot_be_sent(client, app, release):
    app(MAILS.replace('"hello"', '"nowhere"'))
    response = client.post(f"{HELLO}send/", {"address": "me@example.com"})
    assert response.status_code == 400
    assert "MailTemplateError" in text(response)
