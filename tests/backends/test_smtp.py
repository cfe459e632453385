"""The SMTP backend keeps what the server said, over real sockets."""

from __future__ import annotations

import logging
import smtplib
import socket
import warnings

import pytest
from django.core.mail import EmailMessage
from scripted_server import CLOSE, SILENCE, ScriptedServer

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.signals import message_failed, message_sent
from django_mailplus.smtp.connection import DEFAULT_TIMEOUT, SMTP, SMTP_SSL

TO = ["bob@example.com", "Carol <carol@example.com>", "dave@example.com"]


@pytest.fixture
def send(with_mailers):
    """Send one message to a server that replies as told; gives what came of it."""

    def send(to=TO, count=1, timeout=None, **replies):
        options = {"timeout": timeout} if timeout else {}
        batch = [
            EmailMessage("Hi", "Body", "ann@example.com", to) for _ in range(count)
        ]
        with ScriptedServer(**replies) as server:
            with_mailers(
                {
                    "default": {
                        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                        "OPTIONS": {
                            "host": server.host,
                            "port": server.port,
                            **options,
                        },
                    }
                }
            )
            error = None
            try:
                get_mailer("default").send_messages(batch)
            except Exception as raised:
                error = raised
        return batch, error, server

    return send


@pytest.fixture
def told():
    """The signals sent during the test, as (name, addresses)."""
    heard = []

    def sent(sender, message, result, recipients, **kwargs):
        heard.append(("sent", [r.address for r in recipients]))

    def failed(sender, message, result, recipients, **kwargs):
        assert result is message.delivery_result
        heard.append(("failed", [r.address for r in recipients]))

    message_sent.connect(sent, sender=EmailBackend)
    message_failed.connect(failed, sender=EmailBackend)
    yield heard
    message_sent.disconnect(sent, sender=EmailBackend)
    message_failed.disconnect(failed, sender=EmailBackend)


def kinds(message):
    return [r.kind for r in message.delivery_result.recipients]


def test_an_accepted_message_keeps_each_answer_and_the_final_reply(send, told):
    [message], error, _ = send()
    result = message.delivery_result
    assert error is None
    assert [
        (r.address, r.kind, r.code, r.enhanced, r.text) for r in result.recipients
    ] == [
        (address, "accepted", 250, "2.1.5", "ok")
        for address in ("bob@example.com", "carol@example.com", "dave@example.com")
    ]
    assert (result.code, result.enhanced, result.text) == (
        250,
        "2.0.0",
        "Ok: queued as ABC123",
    )
    assert result.mailer == "default"
    assert result.seconds > 0
    assert result.message_id.startswith("<")
    assert told == [
        ("sent", ["bob@example.com", "carol@example.com", "dave@example.com"])
    ]


def test_the_message_id_is_the_one_that_went_out(send):
    [message], _, server = send()
    assert (
        f"Message-ID: {message.delivery_result.message_id}".encode()
        in server.messages[0]
    )


def test_a_partial_refusal_raises_nothing_and_is_never_silent(send, told, caplog):
    rcpt = {"carol": "550 5.1.1 no such user", "dave": "451 4.7.1 greylisted"}
    with caplog.at_level(logging.INFO):
        [message], error, _ = send(rcpt=rcpt)
    assert error is None
    assert kinds(message) == ["accepted", "permanent", "transient"]
    assert [r.code for r in message.delivery_result.refused] == [550, 451]
    assert told == [
        ("sent", ["bob@example.com"]),
        ("failed", ["carol@example.com", "dave@example.com"]),
    ]
    assert "not accepted for 2 of 3 recipients" in caplog.text


def test_no_address_or_body_reaches_the_log_or_a_repr(send, caplog):
    with caplog.at_level(logging.DEBUG):
        [message], _, _ = send(rcpt={"carol": "550 5.1.1 carol@example.com unknown"})
    shown = (
        caplog.text
        + repr(message.delivery_result)
        + repr(message.delivery_result.recipients)
    )
    assert "carol" not in shown
    assert "Body" not in shown
    assert "2 accepted, 1 permanent" in shown


def test_a_wholly_refused_message_raises_as_in_django(send, told):
    [message], error, _ = send(rcpt="550 5.1.1 no such user")
    assert isinstance(error, smtplib.SMTPRecipientsRefused)
    assert kinds(message) == ["permanent"] * 3
    assert message.delivery_result.code == 550
    assert [name for name, _ in told] == ["failed"]
    assert classify(error) == "recipient"


def test_a_refused_body_falls_on_every_recipient_that_was_accepted(send):
    [message], error, _ = send(
        content="552 5.3.4 too big", rcpt={"dave": "450 4.2.1 busy"}
    )
    assert isinstance(error, smtplib.SMTPDataError)
    assert [(r.kind, r.code) for r in message.delivery_result.recipients] == [
        ("permanent", 552),
        ("permanent", 552),
        ("transient", 450),
    ]
    assert classify(error) == "message"


def test_a_refused_data_command_is_told(send):
    [message], error, _ = send(data="451 4.3.0 try later")
    assert isinstance(error, smtplib.SMTPDataError)
    assert kinds(message) == ["transient"] * 3


def test_a_refused_sender_falls_on_every_recipient(send):
    [message], error, _ = send(mail="550 5.7.60 not yours")
    assert isinstance(error, smtplib.SMTPSenderRefused)
    assert {(r.kind, r.enhanced) for r in message.delivery_result.recipients} == {
        ("permanent", "5.7.60")
    }
    assert classify(error) == "message"


def test_a_421_in_the_middle_leaves_the_rest_for_later(send):
    [message], error, _ = send(rcpt={"carol": "421 4.3.2 closing", "": "250 2.1.5 ok"})
    assert kinds(message) == ["transient"] * 3
    assert classify(error) == "mailer"


def test_a_connection_lost_before_the_body_sent_nothing(send):
    [message], error, _ = send(data=CLOSE)
    assert isinstance(error, smtplib.SMTPServerDisconnected)
    assert kinds(message) == ["transient"] * 3
    assert classify(error) == "mailer"


def test_a_connection_lost_after_the_body_is_unknown(send):
    [message], error, _ = send(content=CLOSE)
    assert isinstance(error, smtplib.SMTPServerDisconnected)
    assert kinds(message) == ["unknown"] * 3
    assert classify(error) == "unknown"


def test_a_server_that_does_not_answer_the_body_is_unknown(send):
    [message], error, _ = send(content=SILENCE, timeout=0.3)
    assert kinds(message) == ["unknown"] * 3
    assert classify(error) == "unknown"


@pytest.mark.parametrize("reply", ["251 fine", "299 fine"])
def test_every_2yz_to_the_body_is_an_acceptance(send, reply):
    [message], error, _ = send(content=reply)
    assert error is None
    assert kinds(message) == ["accepted"] * 3
    assert message.delivery_result.code == int(reply[:3])


def test_a_252_to_a_recipient_is_an_acceptance(send):
    [message], error, _ = send(rcpt="252 2.1.5 will try")
    assert error is None
    assert [r.code for r in message.delivery_result.accepted] == [252] * 3


@pytest.mark.parametrize("reply", ["250 ok", "junk", "299 hm"])
def test_a_server_that_does_not_ask_for_the_body_did_not_get_it(send, reply):
    [message], error, server = send(data=reply)
    assert isinstance(error, smtplib.SMTPException)
    assert kinds(message) == ["transient"] * 3
    assert classify(error) == "mailer"
    assert server.messages == []


@pytest.mark.parametrize("reply", ["junk", "354 again", "250 " + "x" * 20_000])
def test_a_senseless_answer_to_the_body_leaves_its_fate_unknown(send, reply):
    [message], error, _ = send(content=reply)
    assert isinstance(error, smtplib.SMTPResponseException)
    assert kinds(message) == ["unknown"] * 3
    assert classify(error) == "unknown"


@pytest.mark.parametrize("reply", ["junk", "354 go ahead", "250 " + "x" * 20_000])
def test_a_senseless_answer_to_a_recipient_means_not_sent(send, reply):
    [message], error, server = send(rcpt=reply)
    assert isinstance(error, smtplib.SMTPException)
    assert kinds(message) == ["transient"] * 3
    assert server.messages == []


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
