"""Why a mail did not leave, in one line that names nobody and tells no secret."""

from __future__ import annotations

import smtplib
import socket

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from outbox.mailing import send

from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.delivery import mark_unsent
from django_mailplus.exceptions import SnapshotError
from django_mailplus.outbox.judging.explaining import (
    explain_failure,
    explain_rebuilding,
    explain_trouble,
)
from django_mailplus.outbox.models import Attempt, MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.smtp.registry import close_all

STEP = "For the dialogue: manage.py sendtestemail --using smtp --trace you@example.com"


class ProviderError(Exception):
    def __init__(self, text, status=None):
        super().__init__(text)
        self.status_code = status


class Foreign(BaseEmailBackend):
    """Its errors tell whatever there is to tell."""

    def send_messages(self, email_messages):
        [message] = email_messages
        raise ProviderError(f"{message.to} {message.body} key=hunter2")


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.fixture
def _smtp(with_mailers):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker"},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "mail.example.net", "port": 587},
            },
        }
    )


@pytest.mark.usefixtures("_smtp")
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ConnectionRefusedError(111, "refused"),
            "mail.example.net:587 refuses the connection (ConnectionRefusedError)",
        ),
        (
            socket.gaierror(-2, "Name or service not known"),
            "the name of the server is not known (gaierror)",
        ),
        (
            smtplib.SMTPAuthenticationError(535, b"5.7.8 wrong: hunter2"),
            "the server does not accept this user name and password "
            "(SMTPAuthenticationError 535)",
        ),
    ],
)
def test_why_a_mailer_rests(error, told):
    assert explain_trouble(error, "smtp") == f"{told}. {STEP}"
    assert explain_failure(error, "smtp") == f"smtp could not be used: {told}. {STEP}"


@pytest.mark.usefixtures("_smtp")
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            InvalidMailer("OPTIONS must define 'key'.", alias="smtp"),
            "OPTIONS must define 'key' (InvalidMailer)",
        ),
        (ProviderError("hunter2", 401), "HTTP 401 (ProviderError in "),
        (RuntimeError("bob@example.com"), f"RuntimeError in {__name__}, line "),
    ],
)
def test_what_is_said_of_errors_of_others(error, told):
    text = explain_failure(raised(error), "smtp")
    assert told in text
    assert text.endswith(STEP)
    assert "hunter2" not in text
    assert "bob@" not in text


@pytest.mark.usefixtures("_smtp")
def test_a_message_that_cannot_be_written():
    error = ValueError("Header values can't contain newlines (got 'Code 123\\n')")
    assert explain_failure(error, "smtp") == (
        "The message could not be written for smtp: a subject or an address contains a "
        "line break (ValueError)."
    )
    error = raised(TypeError("bob@example.com"))
    text = explain_failure(error, "smtp")
    assert f"TypeError in {__name__}, line" in text
    assert "bob@" not in text


@pytest.mark.usefixtures("_smtp")
def test_an_answer_that_was_lost():
    text = explain_failure(TimeoutError("timed out"), "smtp")
    assert text.startswith("smtp did not say whether it took the mail: ")


def test_the_mailer_of_the_email_settings(with_email_settings):
    with_email_settings(EMAIL_HOST="mail.example.net", EMAIL_PORT=25)
    error = ConnectionRefusedError()
    mark_unsent(error)
    text = explain_failure(error, "")
    assert text.startswith("The mailer could not be used: mail.example.net:25 refuses")
    assert "sendtestemail --trace you@" in text


def test_settings_that_are_wrong_themselves(with_mailers):
    with_mailers({"default": {"BACKEND": "no.such.Backend"}})
    for alias in ("default", "gone"):
        assert "the server refuses the connection" in explain_failure(
            ConnectionRefusedError(), alias
        )


def test_what_is_stored_and_cannot_be_read():
    text = explain_rebuilding(SnapshotError("The snapshot is damaged: no list."))
    assert text == (
        "The message could not be rebuilt from the outbox: The snapshot is damaged: no "
        "list (SnapshotError)."
    )
    text = explain_rebuilding(raised(KeyError("bob@example.com")))
    assert f"KeyError in {__name__}, line" in text
    assert "bob" not in text


def drain(alias):
    Worker([alias]).run(drain=True)
    [mail] = OutboxMessage.objects.all()
    return mail


@pytest.mark.django_db(transaction=True)
def test_a_mail_says_why_it_waits(with_mailers):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker"},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1", "port": 9},
            },
        }
    )
    send("bob")
    mail = drain("smtp")
    close_all()
    why = f"nothing listens at 127.0.0.1:9 on this machine (ConnectionRefusedError). {STEP}"
    assert (mail.state, mail.text) == ("queued", f"smtp could not be used: {why}")
    assert Attempt.objects.get().text == mail.text
    assert MailerState.objects.get().reason == why


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_cannot_be_written_says_so(outbox):
    outbox(dispatch="worker")
    mail = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@b.org"])
    mail.encoding = "no-such-charset"
    get_mailer("default").send_messages([mail])
    mail = drain("smtp")
    assert mail.state == "failed"
    assert mail.text.startswith("The message could not be written for smtp: LookupErr")


@pytest.mark.django_db(transaction=True)
def test_what_a_foreign_error_says_is_not_stored(with_mailers, caplog):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "foreign", "dispatch": "worker"},
            },
            "foreign": {"BACKEND": f"{__name__}.Foreign"},
        }
    )
    send("bob")
    mail = drain("foreign")
    assert mail.text.startswith(f"foreign did not send it: ProviderError in {__name__}")
    assert "--using foreign" in mail.text
    told = [mail.text, *Attempt.objects.values_list("text", flat=True), caplog.text]
    assert not any("hunter2" in text or "bob@" in text for text in told)


@pytest.mark.django_db
def test_a_newsletter_to_several_says_so_in_the_outbox(with_mailers, settings):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "list", "dispatch": "worker"},
            },
            "list": {
                "BACKEND": "django_mailplus.backends.suppression.EmailBackend",
                "OPTIONS": {"using": "end"},
            },
            "end": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"},
        }
    )
    settings.MAILPLUS = {"BULK_STREAMS": {"news": "News"}}
    message = EmailMessage("N", "x", to=["ann@example.com", "bob@example.com"])
    message.stream = "news"
    get_mailer("default").send_messages([message])
    Worker(["list"]).run(drain=True)
    mail = OutboxMessage.objects.get()
    assert mail.state == "failed"
    assert "has 2 recipients" in mail.text
    assert "ann@" not in mail.text
