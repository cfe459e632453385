"""How the SMTP backend connects: time limits, TLS, and connections of one's own."""

from __future__ import annotations

import smtplib
import warnings

import pytest
from backends.stage import kinds
from django.core.mail import EmailMessage
from scripted_server import SILENCE, ScriptedServer

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.smtp.connection import DEFAULT_TIMEOUT, SMTP, SMTP_SSL


def test_the_timeout_is_ten_seconds_and_the_attribute_stays_none(with_mailers):
    with ScriptedServer() as server:
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": {"host": server.host, "port": server.port},
                }
            }
        )
        backend = get_mailer("default")
        with backend:
            assert backend.connection.timeout == DEFAULT_TIMEOUT == 10.0
            assert backend.timeout is None


def test_a_silent_server_ends_in_an_error(send):
    _, error, _ = send(banner=SILENCE, timeout=0.3)
    assert isinstance(error, OSError)
    assert classify(error) == "mailer"


def test_ssl_and_plain_connections_record_alike(with_mailers):
    options = {"host": "mail.example.com", "use_ssl": True}
    with_mailers(
        {
            "plain": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "mail.example.com"},
            },
            "ssl": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": options,
            },
        }
    )
    assert get_mailer("plain").connection_class is SMTP
    assert get_mailer("ssl").connection_class is SMTP_SSL


def test_building_it_for_email_backend_warns_about_nothing(with_email_settings):
    with_email_settings(EMAIL_HOST="mail.example.com")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_mailer(None).host == "mail.example.com"


class Plain(EmailBackend):
    """A project's own connection, which keeps no replies."""

    connection_class = smtplib.SMTP


def test_a_connection_of_ones_own_is_not_reported_as_unsent(with_email_settings, told):
    with ScriptedServer() as server:
        with_email_settings(EMAIL_HOST=server.host, EMAIL_PORT=server.port)
        message = EmailMessage("Hi", "Body", "ann@example.com", ["bob@example.com"])
        assert Plain().send_messages([message]) == 1
    assert told == []
    assert message.delivery_result is None


def test_a_host_that_python_cannot_write_is_the_mailers_fault(with_mailers):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "smtp..example.com"},
            }
        }
    )
    message = EmailMessage("Hi", "Body", "ann@example.com", ["bob@example.com"])
    with pytest.raises(UnicodeError) as caught:
        get_mailer("default").send_messages([message])
    assert classify(caught.value) == "mailer"
    assert {r.kind for r in message.delivery_result.recipients} == {"transient"}


def test_what_quit_is_answered_changes_nothing(send):
    (message,), error, _ = send(quit="221 " + "x" * 9_000)
    assert error is None
    assert kinds(message) == ["accepted"] * 3
