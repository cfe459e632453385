"""The mails: in the reader's language, in the project's words, safe to show."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from email import message_from_bytes
from email.policy import default
from html import unescape
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import translation
from verification_stage import links_of, make_user, said

from django_mailplus.verification import (
    send_account_exists_email,
    send_verification_email,
    start_email_change,
    verify_email_address,
)
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.signals import verification_email_sent
from django_mailplus.verification.tickets import Ticket

BASE = "https://shop.example.com"
SEVEN = ["email", "domain", "site_name", "uid", "user", "token", "protocol"]
OURS = ["verify_url", "report_url", "expires_at", "expires_in", "code"]


@pytest.fixture(autouse=True)
def shop(settings):
    settings.MAILPLUS = {"BASE_URL": BASE, "VERIFICATION_RESEND_COOLDOWN": 0}


def parsed(message):
    return message_from_bytes(message.message().as_bytes(), policy=default)


def every_kind():
    """One mail of every kind, for a user whose name is full of mischief."""
    name = "<b>&\"'{{x}}@+"
    user = make_user(name, "ann@example.com")
    send_verification_email(user, method="both")
    send_account_exists_email("ann@example.com")
    request_verification_email(Ticket.of("unknown@example.com"))
    verify_email_address(user)
    start_email_change(user, "new@example.com")
    from django_mailplus.verification.change_links import confirm_change_link

    link = links_of(mail.outbox[-1])["change"]
    confirm_change_link(*link.strip("/").split("/")[-2:])
    return name, mail.outbox


def test_every_kind_has_text_and_html_that_say_the_same():
    _, mails = every_kind()
    assert len(mails) == 6
    for message in mails:
        html = parsed(message).get_body(("html",)).get_content()
        for url in links_of(message).values():
            assert f'href="{url.replace("&", "&amp;")}"' in html, message.subject
        assert '<html lang="en-us" dir="ltr"' in html
        assert "MISSING" not in html + message.body + message.subject
        assert "\n" not in message.subject
        assert max(len(line) for line in message.body.splitlines()) < 998


def test_html_is_escaped_and_text_is_not():
    name, mails = every_kind()
    for message in mails:
        html = message.alternatives[0][0]
        assert "<b>" not in html.split("<body")[1]
        assert "&lt;" not in message.body
        assert "&#x27;" not in message.body
    assert name in mails[0].body
    html = unescape(re.sub(r"<[^>]+>", "", mails[0].alternatives[0][0]))
    assert name in html


def test_a_name_cannot_add_a_header():
    user = make_user("x\r\nBcc: victim@example.com", "ann@example.com")
    send_verification_email(user)
    message = parsed(mail.outbox[0])
    assert message["Bcc"] is None
    assert mail.outbox[0].recipients() == ["ann@example.com"]


def test_the_language_of_the_reader():
    user = make_user()
    send_verification_email(user, language="de")
    assert "3 Tage" in said(mail.outbox[0])
    assert '<html lang="de" dir="ltr"' in mail.outbox[0].alternatives[0][0]
    # Whoever asks again, the reader is the same.
    with translation.override("fr"):
        send_verification_email(user)
        assert translation.get_language() == "fr"
    assert "3 Tage" in said(mail.outbox[1])
    other = make_user("other", "other@example.com")
    with translation.override("fr"):
        send_verification_email(other)
    assert "3 jours" in said(mail.outbox[2])
    assert EmailAddress.objects.get(user=other).language == "fr"


def test_a_language_from_right_to_left():
    send_verification_email(make_user(), language="ar")
    assert '<html lang="ar" dir="rtl"' in mail.outbox[0].alternatives[0][0]


def test_words_of_the_project(settings, tmp_path):
    folder = tmp_path / "mailplus" / "verification" / "mail"
    folder.mkdir(parents=True)
    lines = "\n".join(f"{name}={{{{ {name} }}}}" for name in [*SEVEN, *OURS, "plan"])
    (folder / "verify.html").write_text(
        "{% block subject %}Hello\n {{ user.get_username }},\nit is you\n{% endblock %}"
        f"{{% block text %}}{lines}{{% endblock %}}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    user = make_user()
    send_verification_email(user, method="both", context={"plan": "gold"})
    (message,) = mail.outbox
    assert message.subject == "Hello ann, it is you"
    values = dict(line.split("=", 1) for line in message.body.splitlines())
    assert values["email"] == "ann@example.com"
    assert values["domain"] == values["site_name"] == "shop.example.com"
    assert values["protocol"] == "https"
    assert values["user"] == "ann"
    assert values["verify_url"] == f"{BASE}/verify/{values['uid']}/{values['token']}/"
    assert values["report_url"].startswith(f"{BASE}/verify/report/{values['uid']}/")
    assert values["expires_in"] == "3\xa0days"
    assert len(values["code"]) == 6
    assert values["plan"] == "gold"
    assert all(values.values())


def test_a_context_cannot_change_whom_the_mail_is_about():
    user = make_user()
    send_verification_email(user, context={"user": "Eve", "email": "eve@example.com"})
    assert "The account ann" in mail.outbox[0].body


@pytest.fixture
def failing(with_mailers, settings):
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 1},
    }
    with_mailers({"default": smtp, "other": smtp})


def test_a_mail_that_fails_is_a_status_and_a_line_without_the_address(failing, caplog):
    with caplog.at_level(logging.DEBUG):
        result = send_verification_email(make_user())
    assert result.status == "failed"
    assert "ConnectionRefusedError" in caplog.text
    assert "ann@" not in caplog.text
    assert "/verify/" not in caplog.text


def test_a_mistake_in_the_settings_is_raised(failing, settings):
    user = make_user()
    with pytest.raises(ImproperlyConfigured, match="nowhere"):
        send_verification_email(user, using="nowhere")
    settings.MAILPLUS |= {"VERIFICATION_MAILER": "elsewhere"}
    with pytest.raises(ImproperlyConfigured, match="elsewhere"):
        send_verification_email(user)


def test_the_mailer(with_mailers, server):
    locmem = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": server.port},
    }
    with_mailers({"default": smtp, "own": locmem, "other": locmem})
    user = make_user()
    assert send_verification_email(user, using="own").status == "sent"
    assert mail.outbox[-1].sent_using == "own"


def test_the_mailer_of_the_settings(with_mailers, settings):
    locmem = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
    with_mailers({"default": locmem, "own": locmem, "other": locmem})
    settings.MAILPLUS |= {"VERIFICATION_MAILER": "own"}
    user = make_user()
    send_verification_email(user)
    send_verification_email(user, using="other")
    start_email_change(user, "new@example.com", using="other")
    assert [m.sent_using for m in mail.outbox] == ["own"] + ["other"] * 3


def test_a_result_does_not_tell_the_address():
    result = send_verification_email(make_user())
    assert "ann@" not in repr(result)
    assert "ann@" not in result.sent_url


# --- Names of sites and odd addresses


HAS_SITES = apps.is_installed("django.contrib.sites")


@pytest.mark.skipif(not HAS_SITES, reason="no sites in this run")
def test_a_site_with_a_name_full_of_mischief():
    from django.contrib.sites.models import Site

    Site.objects.update(name="<b>R&D</b>\r\nBcc: x@evil.example")
    Site.objects.clear_cache()
    for message in every_kind()[1]:
        assert parsed(message)["Bcc"] is None
        assert "\n" not in message.subject
        assert "<b>" not in message.alternatives[0][0].split("<body")[1]
        assert "&lt;" not in message.body + message.subject
    assert "<b>R&D</b>" in mail.outbox[0].subject


@pytest.mark.skipif(HAS_SITES, reason="this is that run")
def test_in_a_project_with_sites():
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "full_of_mischief", __file__]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "MAILPLUS_TEST_APP": "django.contrib.sites"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in finished.stdout, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    "email",
    ["x@y.zz\nBcc: v@example.com", "x@y.zz\r\n\r\nhello", "no address", "x@", "@"],
)
def test_an_address_that_is_none_fails_quietly(with_mailers, server, email, caplog):
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": server.port},
    }
    with_mailers({"default": smtp})
    with caplog.at_level(logging.DEBUG):
        result = send_verification_email(make_user("odd", email))
    assert result.status in ("failed", "sent")
    if "\n" in email:
        assert result.status == "failed"
        assert "y.zz" not in caplog.text
    assert b"Bcc" not in b"".join(server.messages)


# --- A mail that does not leave


@pytest.fixture
def told():
    heard = []

    def hear(**values):
        heard.append(values["email"])

    verification_email_sent.connect(hear)
    yield heard
    verification_email_sent.disconnect(hear)


def test_the_signal_is_for_mails_that_left(failing, told):
    user = make_user()
    send_verification_email(user)
    assert told == []


def test_a_mail_that_fails_after_the_commit(
    failing, told, caplog, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        result = send_verification_email(make_user())
    assert result.status in ("queued", "failed")
    assert "ConnectionRefusedError" in caplog.text
    assert "ann@" not in caplog.text
    assert told == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("NothingSent", "failed"),
        ("SaysNothing", "sent"),
        ("Sends", "sent"),
    ],
)
def test_what_a_backend_answers(with_mailers, told, caplog, answer, status):
    with_mailers({"default": {"BACKEND": f"answering_backends.{answer}"}})
    result = send_verification_email(make_user())
    assert result.status == status
    assert bool(told) is (status == "sent")
    assert bool(caplog.text) is (status == "failed")


def test_a_worker_without_a_language():
    user = make_user()
    with translation.override(None):
        send_verification_email(user)
    html = mail.outbox[0].alternatives[0][0]
    assert '<html lang="None">' not in html


def test_a_language_that_there_is_not():
    user = make_user()
    assert send_verification_email(user, language="tlh").status == "sent"
    assert "Confirm" in mail.outbox[0].subject


def test_nobody_logged_in_is_a_clear_mistake():
    with pytest.raises((TypeError, ValueError)):
        send_verification_email(AnonymousUser())


@pytest.mark.django_db(transaction=True)
def test_a_mistake_that_shows_after_the_commit(settings, with_mailers, caplog):
    """The commit stands, the log names the mistake and no address."""
    with_mailers({"default": {"BACKEND": "answering_backends.Sends"}})
    settings.MAILPLUS |= {"VERIFICATION_MAILER": "typo"}
    user = make_user()
    with transaction.atomic():
        assert send_verification_email(user).status == "queued"
    assert "typo" in caplog.text
    assert "ann@" not in caplog.text
    assert EmailAddress.objects.get().email == "ann@example.com"
