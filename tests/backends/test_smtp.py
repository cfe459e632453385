"""The SMTP backend keeps what the server said, over real sockets."""

from __future__ import annotations

import logging
import smtplib

import pytest
from backends.stage import kinds
from django.core.mail import EmailMessage
from scripted_server import CLOSE, SILENCE

from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify


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


@pytest.mark.parametrize(
    ("banner", "told"),
    [
        (CLOSE, "not sent: the mailer could not be reached (SMTPServerDisconnected)"),
        (
            "554 5.3.2 closed",
            "not sent: the server refused the session (SMTPConnectError 554)",
        ),
    ],
)
def test_the_log_says_that_a_server_is_down_and_not_that_it_refused(
    send, caplog, banner, told
):
    with caplog.at_level(logging.WARNING):
        _, error, _ = send(banner=banner)
    assert isinstance(error, smtplib.SMTPException)
    assert told in caplog.text
    assert "not accepted" not in caplog.text


def test_the_log_says_that_nobody_is_there(with_mailers, caplog):
    smtp = "django_mailplus.backends.smtp.EmailBackend"
    options = {"host": "127.0.0.1", "port": 9}
    with_mailers({"default": {"BACKEND": smtp, "OPTIONS": options}})
    message = EmailMessage("Hi", "Hi", "a@example.com", ["b@example.com"])
    with pytest.raises(ConnectionRefusedError):
        get_mailer("default").send_messages([message])
    [told] = caplog.messages
    assert told == (
        "Message not sent: the mailer could not be reached (ConnectionRefusedError) "
        "(mailer default)"
    )


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
