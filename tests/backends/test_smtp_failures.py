"""What a message says of itself that was not sent, and of those around it."""

from __future__ import annotations

import smtplib
import socket

import pytest
from backends.stage import TO, kinds
from django.core.mail import EmailMessage
from scripted_server import ScriptedServer

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.signals import message_sent


def test_messages_behind_a_failed_one_say_that_they_were_not_sent(send, told):
    batch, _, server = send(count=3, content="554 5.6.0 bad content")
    assert [m.delivery_result.code for m in batch] == [554, None, None]
    assert kinds(batch[2]) == ["transient"] * 3
    assert batch[2].delivery_result.text == "Not sent: SMTPDataError"
    assert len(server.messages) == 1
    assert [name for name, _ in told] == ["failed"] * 3


def test_a_message_that_cannot_be_written_is_refused_for_good(with_mailers):
    with ScriptedServer() as server:
        options = {"host": server.host, "port": server.port}
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": options,
                }
            }
        )
        batch = [
            EmailMessage("a\nb", "Body", "ann@example.com", TO),
            EmailMessage("Hi", "Body", "ann@example.com", TO),
        ]
        with pytest.raises(ValueError, match=r"(?i)newline|linefeed") as raised:
            get_mailer("default").send_messages(batch)
    assert classify(raised.value) == "message"
    assert kinds(batch[0]) == ["permanent"] * 3
    assert kinds(batch[1]) == ["transient"] * 3
    assert server.messages == []


def test_an_unreachable_server_is_told_on_every_message(with_mailers, told):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1", "port": port},
            }
        }
    )
    message = EmailMessage("Hi", "Body", "ann@example.com", TO)
    with pytest.raises(ConnectionRefusedError) as raised:
        get_mailer("default").send_messages([message])
    assert classify(raised.value) == "mailer"
    assert kinds(message) == ["transient"] * 3
    assert told == [
        ("failed", ["bob@example.com", "carol@example.com", "dave@example.com"])
    ]


def test_fail_silently_is_never_silent_for_the_result(with_mailers):
    with ScriptedServer(rcpt="550 5.1.1 no") as server:
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": {
                        "host": server.host,
                        "port": server.port,
                        "fail_silently": True,
                    },
                }
            }
        )
        message = EmailMessage("Hi", "Body", "ann@example.com", TO)
        assert get_mailer("default").send_messages([message]) == 0
    assert kinds(message) == ["permanent"] * 3


def test_a_message_without_recipients_is_not_sent_and_has_no_result(send, told):
    [message], error, server = send(to=[])
    assert (message.delivery_result, error, server.messages, told) == (
        None,
        None,
        [],
        [],
    )


def test_a_failing_receiver_changes_nothing(send, caplog):
    def fails(**kwargs):
        raise RuntimeError("receiver")

    message_sent.connect(fails, sender=EmailBackend, weak=False)
    try:
        [message], error, _ = send()
    finally:
        message_sent.disconnect(fails, sender=EmailBackend)
    assert error is None
    assert kinds(message) == ["accepted"] * 3


class _WithoutRecipients(EmailMessage):
    def recipients(self):
        raise LookupError("the address book is gone")


def test_a_message_whose_recipients_raise_leaves_the_others_with_a_result(
    with_mailers, server
):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": server.host, "port": server.port},
            }
        }
    )
    first, last = (EmailMessage("Hi", "Body", "ann@example.com", TO) for _ in range(2))
    strange = _WithoutRecipients("Hi", "Body", "ann@example.com", TO)
    with pytest.raises(LookupError, match="the address book is gone"):
        get_mailer("default").send_messages([first, strange, last])
    assert {r.kind for r in first.delivery_result.recipients} == {"accepted"}
    assert strange.delivery_result is None
    assert {r.kind for r in last.delivery_result.recipients} == {"transient"}


def test_a_message_whose_recipients_raise_does_not_hide_an_earlier_error(
    with_mailers, server
):
    server.replies["mail"] = "451 4.3.0 later"
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": server.host, "port": server.port},
            }
        }
    )
    first = EmailMessage("Hi", "Body", "ann@example.com", TO)
    strange = _WithoutRecipients("Hi", "Body", "ann@example.com", TO)
    with pytest.raises(smtplib.SMTPSenderRefused):
        get_mailer("default").send_messages([first, strange])
