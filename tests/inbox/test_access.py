"""Who may look into the inbox: the whole matrix, over every page."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from inbox_stage import PNG, letter, put

from django_mailplus.compat import get_mailer
from django_mailplus.inbox.models import CaughtMail
from django_mailplus.inbox.urls import urlpatterns

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-thirty-characters-or-so"
PAGES = {pattern.name: pattern.pattern.converters for pattern in urlpatterns}
BY_POST = {"clear", "delete", "read", "release"}


def address_of(name, mail):
    values = {"address": "bob@example.com", "pk": mail.pk, "number": 0}
    given = {each: values[each] for each in PAGES[name]}
    return reverse(f"mailplus_inbox:{name}", kwargs=given)


def somebody(is_staff, is_active=True):
    user = get_user_model().objects.create_user(
        "somebody", "s@example.com", "x", is_staff=is_staff, is_active=is_active
    )
    client = Client()
    client.force_login(user)
    return client


def who_may_look(client):
    return client.get("/mail/").status_code == 200


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("for_staff", [True, False])
@pytest.mark.parametrize("who", ["anybody", "user", "staff", "staff who left"])
def test_who_may_look(settings, debug, for_staff, who):
    settings.DEBUG = debug
    settings.MAILPLUS = {"INBOX_FOR_STAFF": for_staff}
    client = (
        Client()
        if who == "anybody"
        else somebody("staff" in who, is_active="left" not in who)
    )
    expected = debug or (for_staff and who == "staff")
    assert who_may_look(client) is expected


def test_every_address_is_to_all_others_as_if_it_were_none(settings):
    """They do not hear, either, of a method or a token that only a page could miss."""
    mail = put()
    client = Client(enforce_csrf_checks=True)
    addresses = [address_of(name, mail) for name in PAGES]
    addresses += ["/mail/previews/", "/mail/previews/an.App/sample/send/"]
    assert len(addresses) > 15
    for address in addresses:
        for ask in (client.get, client.post, client.delete, client.put):
            assert ask(address).status_code == 404, address
    assert CaughtMail.objects.count() == 1


def test_no_address_changes_anything_for_another_site(settings):
    settings.DEBUG = True
    mail, client = put(), Client(enforce_csrf_checks=True)
    page = f"/mail/m/{mail.pk}"
    forms = [f"{page}/delete/", f"{page}/read/", f"{page}/release/", "/mail/clear/"]
    for address in [*forms, "/mail/previews/an.App/sample/send/"]:
        assert client.post(address).status_code == 403, address
    for address in ("/mail/api/messages/", f"/mail/api/messages/{mail.pk}/"):
        assert client.delete(address).status_code == 403, address
    [mail] = CaughtMail.objects.all()
    assert not mail.is_read


def test_a_site_that_asks_everybody_to_log_in_needs_no_exception(developer, settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert who_may_look(developer)


def test_without_anybody_to_log_in(settings, client):
    settings.MIDDLEWARE = []
    settings.MAILPLUS = {"INBOX_FOR_STAFF": True}
    assert not who_may_look(client)
    settings.DEBUG = True
    assert who_may_look(client)


def test_the_token_opens_the_api_and_nothing_else(client, settings):
    mail = put()
    settings.MAILPLUS = {"INBOX_TOKEN": TOKEN}
    bearer = {"headers": {"authorization": f"Bearer {TOKEN}"}}
    assert client.get("/mail/api/messages/", **bearer).status_code == 200
    assert client.get("/mail/", **bearer).status_code == 404
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer", TOKEN, "", "Bearer ü"):
        answer = client.get("/mail/api/messages/", headers={"authorization": wrong})
        assert answer.status_code == 404
    strict = Client(enforce_csrf_checks=True)
    assert strict.delete(f"/mail/api/messages/{mail.pk}/", **bearer).status_code == 200
    assert not CaughtMail.objects.exists()


def test_an_empty_token_opens_nothing(client, settings):
    settings.MAILPLUS = {"INBOX_TOKEN": ""}
    for given in ("Bearer ", "Bearer"):
        answer = client.get("/mail/api/messages/", headers={"authorization": given})
        assert answer.status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_every_answer_is_kept_private(developer, name):
    message = letter("Hello", "x", "<p>Hello</p>")
    message.attach("p.png", PNG, "image/png")
    get_mailer("default").send_messages([message])
    response = developer.get(address_of(name, CaughtMail.objects.get()))
    headers = response.headers
    assert "no-store" in headers["Cache-Control"]
    if name in BY_POST:
        assert response.status_code == 405
        return
    assert response.status_code == (302 if name == "latest" else 200)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_frame_may_stand_in_the_page_and_is_a_sandbox_alone(developer):
    mail = put("Hello", "x", "<p>Hello</p>")
    for query, images in (("", "data:"), ("?remote=1", "data: https: http:")):
        headers = developer.get(f"{address_of('frame', mail)}{query}").headers
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
        assert f"img-src {images};" in policy


def test_nothing_changes_by_get_or_from_another_site(settings):
    settings.DEBUG = True
    mail = put()
    changes = [
        "clear/",
        *(f"m/{mail.pk}/{verb}/" for verb in ("delete", "read", "release")),
    ]
    strict = Client(enforce_csrf_checks=True)
    for path in changes:
        assert strict.get(f"/mail/{path}").status_code == 405
        assert strict.post(f"/mail/{path}").status_code == 403
    for path in ("messages/", f"messages/{mail.pk}/"):
        assert strict.delete(f"/mail/api/{path}").status_code == 403
    mail.refresh_from_db()
    assert not mail.is_read
