"""What people do with caught mails."""

from __future__ import annotations

import pytest
from django.core import mail as django_mail
from inbox_stage import INBOX, put

from django_mailplus.inbox.models import CaughtMail

pytestmark = pytest.mark.django_db


def test_after_a_deletion_comes_the_next_mail_of_the_list(developer):
    one, two = put("one"), put("two")
    page = developer.get(f"/mail/m/{two.pk}/?to=bob@example.com").content.decode()
    assert f'name="next" value="{one.pk}"' in page
    form = {"next": str(one.pk), "to": "bob@example.com"}
    answer = developer.post(f"/mail/m/{two.pk}/delete/", form)
    assert answer.headers["Location"] == f"/mail/m/{one.pk}/?to=bob%40example.com"
    answer = developer.post(f"/mail/m/{one.pk}/delete/", {"next": str(two.pk)})
    assert answer.headers["Location"] == "/mail/"
    assert not CaughtMail.objects.exists()


@pytest.mark.parametrize("following", ["", "x", "-1", "9" * 40, "²"])
def test_any_next_mail_will_do(developer, following):
    put("stays")
    form = {"next": following}
    assert developer.post(f"/mail/m/{put().pk}/delete/", form).status_code == 302
    assert developer.post("/mail/m/987654/delete/", form).status_code == 302
    assert CaughtMail.objects.count() == 1


def test_read_and_unread(developer):
    mail = put()
    developer.get(f"/mail/m/{mail.pk}/")
    mail.refresh_from_db()
    assert not mail.is_read
    quiet = developer.post(f"/mail/m/{mail.pk}/read/", {"quiet": "1"})
    assert quiet.status_code == 204
    mail.refresh_from_db()
    assert mail.is_read
    developer.post(f"/mail/m/{mail.pk}/read/", {"unread": ""})
    mail.refresh_from_db()
    assert not mail.is_read


def test_clearing_deletes_what_the_list_shows_and_no_more(developer):
    put("bob's")
    put("ann's", to=["ann@example.com"])
    put("other")
    wrong = developer.post("/mail/clear/", {"q": "is:funny"})
    assert wrong.status_code == 400
    assert "There is no is:funny." in wrong.content.decode()
    developer.post("/mail/clear/", {"to": "ann@example.com"})
    developer.post("/mail/clear/", {"q": "other"})
    assert [mail.subject for mail in CaughtMail.objects.all()] == ["bob's"]
    developer.post("/mail/clear/")
    assert not CaughtMail.objects.exists()


# --- Release -------------------------------------------------------------------------


@pytest.fixture
def out(with_mailers, settings, developer):
    locmem = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
    with_mailers({"default": {"BACKEND": INBOX}, "out": locmem})
    settings.MAILPLUS = {
        "INBOX_RELEASE_TO": ["example.com", "me@example.org"],
        "INBOX_RELEASE_MAILER": "out",
    }
    django_mail.outbox = []
    return django_mail.outbox


def release(client, mail, address):
    answer = client.post(f"/mail/m/{mail.pk}/release/", {"address": address})
    return answer.status_code, answer.content.decode()


def test_a_mail_is_released_to_whom_that_is_allowed(developer, out):
    mail = put(
        "Größe", "x", "<b>x</b>", to=["bob@elsewhere.net"], cc=["c@elsewhere.net"]
    )
    assert "me@example.org" in developer.get(f"/mail/m/{mail.pk}/").content.decode()
    assert release(developer, mail, "me@example.org")[0] == 200
    [sent] = out
    assert sent.recipients() == ["me@example.org"]
    message = sent.message()
    assert "bob@elsewhere.net" in message["X-Original-To"]
    assert "c@elsewhere.net" in message["X-Original-Cc"]
    assert message["Cc"] is None
    assert message["To"] == "me@example.org"
    assert message.is_multipart()


@pytest.mark.parametrize(
    "address",
    ["bob@elsewhere.net", "", "x", "me@example.org, bob@elsewhere.net", "@example.com",
     "me@example.org\r\nBcc: bob@elsewhere.net", "a@b <bob@elsewhere.net>"],
)  # fmt: skip
def test_nobody_else_gets_it(developer, out, address):
    status, page = release(developer, put(to=["bob@elsewhere.net"]), address)
    assert status == 400
    assert "not among those who may get mail: example.com, me@example.org" in page
    assert out == []


def test_those_it_was_written_to_get_it_if_they_are_allowed(developer, out):
    mail = put(to=["bob@example.com", "x@elsewhere.net"])
    assert release(developer, mail, "bob@example.com")[0] == 200
    assert out[0].recipients() == ["bob@example.com"]


def test_without_the_settings_nothing_is_released(developer, out, settings):
    mail = put()
    for missing in ("INBOX_RELEASE_TO", "INBOX_RELEASE_MAILER"):
        settings.MAILPLUS = {k: v for k, v in settings.MAILPLUS.items() if k != missing}
        status, page = release(developer, mail, "me@example.org")
        assert status == 400
        assert "INBOX_RELEASE_MAILER" in page
        assert "release/" not in developer.get(f"/mail/m/{mail.pk}/").content.decode()
        settings.MAILPLUS = {
            "INBOX_RELEASE_TO": ["example.org"],
            "INBOX_RELEASE_MAILER": "out",
        }
    assert out == []


def test_a_mailer_that_fails_is_told(developer, with_mailers, settings, server):
    server.replies["rcpt"] = "550 5.1.1 no such user"
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": server.host, "port": server.port},
    }
    with_mailers({"default": {"BACKEND": INBOX}, "out": smtp})
    settings.MAILPLUS = {
        "INBOX_RELEASE_TO": ["example.com"],
        "INBOX_RELEASE_MAILER": "out",
    }
    status, page = release(developer, put(), "me@example.com")
    assert status == 502
    assert "no such user" in page
