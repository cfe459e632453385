"""Links in bulk mail: what mail programs do with them, what people do, what scanners do."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import clear_script_prefix, set_script_prefix

from django_mailplus.suppression.headers import (
    preferences_url,
    unsubscribe_headers,
    unsubscribe_url,
)
from django_mailplus.suppression.lookup import is_suppressed
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.tokens import make_token, read_token
from django_mailplus.suppression.writing import suppress

BOB = "Bob.Öz+news@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _streams(settings):
    settings.MAILPLUS = {
        "BULK_STREAMS": {"news": "Our <newsletter>", "offers": "Offers"},
        "BASE_URL": "https://shop.example.com",
    }


@pytest.fixture
def visitor():
    """Somebody without a cookie, on a site that checks forms and wants a login."""
    return Client(enforce_csrf_checks=True)


def page(stream="news", make=unsubscribe_url):
    return urlsplit(make(BOB, stream)).path


def token_of(response):
    return response.context["form_token"]


def streams_left():
    return {s for s in ("news", "offers", "new") if is_suppressed(BOB, stream=s)}


FORM = "application/x-www-form-urlencoded"
WRITTEN = "List-Unsubscribe=One-Click"
PART = '--x{0}Content-Disposition: form-data; name="List-Unsubscribe"{0}{0}One-Click{0}'


def bodies():
    return [
        {"data": WRITTEN, "content_type": FORM},
        {"data": ONE_CLICK},  # multipart/form-data
        # Against the letter of RFC 8058, but somebody has clicked.
        {"data": f"{WRITTEN}\r\n", "content_type": FORM},
        {"data": f"a=1&{WRITTEN}&b=2", "content_type": FORM},
        {"data": "List%2DUnsubscribe=One%2DClick", "content_type": FORM},
        {"data": WRITTEN.lower(), "content_type": FORM},
        {"data": WRITTEN, "content_type": f"{FORM}; charset=ISO-8859-1"},
        {"data": WRITTEN, "content_type": "text/plain"},
        {"data": WRITTEN, "content_type": ""},
        {
            "data": PART.format("\r\n"),
            "content_type": "multipart/form-data; boundary=x",
        },
        {"data": PART.format("\n"), "content_type": "multipart/form-data"},
    ]


@pytest.mark.parametrize("body", bodies())
def test_one_click(visitor, settings, body):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    for _ in range(2):
        response = visitor.post(page(), **body)
        assert response.status_code == 200
        assert not response.cookies
        assert "location" not in response
    assert streams_left() == {"news"}
    [entry] = Suppression.objects.all()
    assert (entry.address, entry.source, entry.reported) == (BOB, "mail program", 2)


def test_one_click_that_a_middleware_has_read(visitor, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.reading"]
    visitor.post(page(), ONE_CLICK)
    assert streams_left() == {"news"}


def reading(get_response):
    return lambda request: [request.POST, get_response(request)][1]


@pytest.mark.parametrize("body", ["", "List-Unsubscribe=", "One-Click", "x" * 30_000])
def test_other_bodies_are_no_click(visitor, body):
    assert visitor.post(page(), body, content_type=FORM).status_code == 200
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("stream", ["renamed", "", "\0"])
def test_a_stream_that_is_gone(visitor, stream):
    asked = visitor.get(page(stream))
    done = visitor.post(page(stream), {"form_token": token_of(asked)})
    assert "Our mailings will not be sent" in done.content.decode()
    assert streams_left() == {"news", "offers"}
    visitor.post(page(stream), {"form_token": token_of(done), "undo": "1"})
    assert streams_left() == set()


def test_a_link_for_an_address_with_a_name(visitor):
    path = urlsplit(unsubscribe_url(f"Bob <{BOB}>", "news")).path
    visitor.post(path, ONE_CLICK)
    assert streams_left() == {"news"}


@pytest.mark.parametrize("make", [unsubscribe_url, preferences_url])
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_scanners_change_nothing(visitor, make, method):
    """They open links, and some send forms without having seen them."""
    response = getattr(visitor, method)(page(make=make))
    assert response.status_code == 200
    assert not response.cookies
    assert not Suppression.objects.exists()


def test_people_press_a_button_and_can_undo_it(visitor):
    asked = visitor.get(page())
    assert "Our &lt;newsletter&gt;" in asked.content.decode()
    assert BOB in asked.content.decode()
    done = visitor.post(page(), {"form_token": token_of(asked)})
    assert done.templates[0].name == "mailplus/unsubscribe/done.html"
    assert streams_left() == {"news"}
    done = visitor.get(page())  # also after one click in the mail program
    assert done.templates[0].name == "mailplus/unsubscribe/done.html"
    undone = visitor.post(page(), {"form_token": token_of(done), "undo": "1"})
    assert undone.templates[0].name == "mailplus/unsubscribe/undone.html"
    assert streams_left() == set()


def test_undo_lifts_nothing_but_that(visitor):
    suppress(BOB, reason=Reason.COMPLAINT)
    suppress(BOB, reason=Reason.UNSUBSCRIBE, stream="offers")
    done = visitor.post(page(), {"form_token": token_of(visitor.get(page()))})
    undone = visitor.post(page(), {"form_token": token_of(done), "undo": "1"})
    assert "nothing is sent to this address at all" in undone.content.decode()
    assert set(Suppression.objects.values_list("reason", "stream")) == {
        ("complaint", ""),
        ("unsubscribe", "offers"),
    }


def test_undo_after_leaving_all_of_them(visitor):
    suppress(BOB, reason=Reason.UNSUBSCRIBE)
    visitor.post(page(), {"form_token": token_of(visitor.get(page())), "undo": "1"})
    assert streams_left() == {"offers"}


# What is ticked, and of which streams nothing is sent then
CHOICES = [
    (["news", "offers"], set()),
    (["news"], {"offers"}),
    (["offers"], {"news"}),
    ([], {"news", "offers", "new"}),
    (["new", "orders"], {"news", "offers", "new"}),  # made up
]


@pytest.mark.parametrize("before", [[], ["news"], [""], ["", "news"]])
@pytest.mark.parametrize(("ticked", "left"), CHOICES)
def test_preferences(visitor, settings, before, ticked, left):
    for stream in before:
        suppress(BOB, reason=Reason.UNSUBSCRIBE, stream=stream)
    path = page(make=preferences_url)
    shown = visitor.get(path)
    wanted = {choice.stream for choice in shown.context["choices"] if choice.wanted}
    assert wanted == {"news", "offers"} - streams_left()
    saved = visitor.post(path, {"form_token": token_of(shown), "stream": ticked})
    assert "Your choice is saved." in saved.content.decode()
    settings.MAILPLUS["BULK_STREAMS"]["new"] = "New"  # comes later
    assert streams_left() == left


@pytest.mark.parametrize(
    ("before", "ticked", "left"),
    [
        ([], ["news"], {"offers"}),
        (["new"], ["news"], {"offers", "new"}),
        ([""], ["news"], {"offers", "new"}),
        (["news"], ["news", "new"], {"offers"}),  # made up
        ([], [], {"news", "offers", "new"}),  # as the page says: none of them
    ],
)
def test_a_stream_that_came_while_the_page_was_open(
    visitor, settings, before, ticked, left
):
    for stream in before:
        suppress(BOB, reason=Reason.UNSUBSCRIBE, stream=stream)
    path = page(make=preferences_url)
    shown = visitor.get(path)
    fields = re.findall(r'name="shown" value="(\w+)"', shown.content.decode())
    settings.MAILPLUS["BULK_STREAMS"]["new"] = "New"
    form = {"form_token": token_of(shown), "shown": fields, "stream": ticked}
    saved = visitor.post(path, form)
    assert streams_left() == left
    boxes = {choice.stream for choice in saved.context["choices"] if choice.wanted}
    assert boxes == {"news", "offers", "new"} - left


def test_none_of_them(visitor):
    path = page(make=preferences_url)
    token = token_of(visitor.get(path))
    visitor.post(path, {"form_token": token, "stream": "news", "none": "1"})
    assert list(Suppression.objects.values_list("stream", flat=True)) == [""]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("broken", ["cut", "longer", "x"])
def test_a_link_that_is_not_ours(visitor, method, broken):
    token = make_token(BOB, "news")
    other = {"cut": token[:-1], "longer": f"x{token}"}.get(broken, broken)
    path = page().replace(token, other)
    response = getattr(visitor, method)(path, ONE_CLICK)
    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()
    assert not Suppression.objects.exists()


def test_links_outlive_the_key(settings):
    token = make_token(BOB, "news")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    assert read_token(token) == (BOB, "news")
    settings.SECRET_KEY_FALLBACKS = []
    assert read_token(token) is None


def test_other_methods(visitor):
    assert visitor.delete(page()).status_code == 405


@pytest.mark.parametrize("base", ["https://shop.example.com/app", "https://app.b.org"])
def test_a_server_that_is_mounted_somewhere(settings, base):
    """Then Django's paths have the prefix in a request, and none in a worker."""
    settings.MAILPLUS["BASE_URL"] = base
    at = {"": f"{base}/mail/", "/app": "https://shop.example.com/app/mail/"}
    if not base.endswith("/app"):
        at["/app"] = f"{base}/app/mail/"
    for prefix, begins in at.items():
        set_script_prefix(f"{prefix}/")
        try:
            assert unsubscribe_url(BOB, "news").startswith(begins)
        finally:
            clear_script_prefix()


def test_headers_by_hand():
    message = EmailMessage("Hi", "Hi", "ann@example.com", bcc=[f"Bob <{BOB}>"])
    headers = unsubscribe_headers(message, "news")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Unsubscribe"] == f"<{unsubscribe_url(BOB, 'news')}>"


def test_without_the_pages(settings):
    settings.ROOT_URLCONF = "django_mailplus.outbox.urls"
    with pytest.raises(
        ImproperlyConfigured, match=r"django_mailplus\.suppression\.urls"
    ):
        unsubscribe_url(BOB, "news")
