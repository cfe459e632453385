"""The mail server of the kit: what it takes, and each thing that it can do wrong."""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import threading

import pytest
from django.core.mail import EmailMessage

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.testing import SmtpServer


@pytest.fixture
def mailer(smtp_server, with_mailers):
    """A function that gives a backend which sends to the server, as that is at the moment."""

    def make(**options):
        entry = smtp_server.mailer
        entry["OPTIONS"] |= {"timeout": 5, **options}
        with_mailers({"default": entry})
        return get_mailer("default")

    return make


def message(*to, subject="Hello", body="Body\n.\n..dots\n", sender="shop@example.com"):
    return EmailMessage(subject, body, sender, [*(to or ("ann@example.com",))])


def client(server):
    return smtplib.SMTP(server.host, server.port, timeout=5)


def test_it_takes_mails_as_they_were_sent(smtp_server, mailer):
    sent = message("ann@example.com", "Bob <bob@example.com>")
    sent.bcc = ["carol@example.com"]
    assert mailer().send_messages([sent, message(subject="Second")]) == 2
    first, second = smtp_server.messages
    assert (first.sender, second.subject) == ("shop@example.com", "Second")
    assert first.recipients == (
        "ann@example.com",
        "bob@example.com",
        "carol@example.com",
    )
    assert (first.to, first.bcc) == (
        ["ann@example.com", "bob@example.com"],
        ["carol@example.com"],
    )
    assert first.text == "Body\n.\n..dots"
    assert smtp_server.mailbox.one(to="carol@example.com").subject == "Hello"
    assert sent.delivery_result.text == "Ok: mail 1"


def test_what_was_said_is_in_the_transcript(smtp_server):
    with client(smtp_server) as smtp:
        smtp.ehlo()
        for command in (
            "MAIL FROM:<a@example.com> size=17",
            "RCPT TO:<b@example.com>",
            "DATA",
        ):
            smtp.docmd(command)
        smtp.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        smtp.getreply()
    assert smtp_server.transcript[0] == "S: 220 localhost ESMTP"
    assert smtp_server.transcript[-10:] == [
        "C: MAIL FROM:<a@example.com> size=17",
        "S: 250 2.1.0 Sender ok",
        "C: RCPT TO:<b@example.com>",
        "S: 250 2.1.5 Recipient ok",
        "C: DATA",
        "S: 354 Go ahead",
        "C: <17 octets>",
        "S: 250 2.0.0 Ok: mail 1",
        "C: QUIT",
        "S: 221 2.0.0 Bye",
    ]


def test_it_refuses_recipients_by_pattern(smtp_server, mailer):
    smtp_server.refuse("*@gone.example")
    sent = message("ann@example.com", "eve@gone.example")
    mailer().send_messages([sent])
    kinds = {r.address: (r.kind, r.code) for r in sent.delivery_result.recipients}
    assert kinds == {
        "ann@example.com": ("accepted", 250),
        "eve@gone.example": ("permanent", 550),
    }
    smtp_server.behave()
    sent = message("eve@gone.example")
    assert mailer().send_messages([sent]) == 1


def test_it_refuses_at_any_step_so_many_times(smtp_server, mailer):
    smtp_server.refuse(reply="451 4.3.0 later", at="content", times=1)
    smtp_server.refuse("shop@*", "550 5.7.1 not you", at="mail", times=1)
    for code in (550, 451):
        sent = message()
        with pytest.raises(smtplib.SMTPException):
            mailer().send_messages([sent])
        assert {r.code for r in sent.delivery_result.recipients} == {code}
    assert mailer().send_messages([message()]) == 1
    assert len(smtp_server.messages) == 1


def test_it_greylists_each_sender_and_recipient(smtp_server, mailer):
    smtp_server.greylist(first=2)
    outcomes = []
    for to in (
        "ann@example.com",
        "ANN@example.com",
        "bob@example.com",
        "ann@example.com",
    ):
        sent = message(to)
        with contextlib.suppress(smtplib.SMTPRecipientsRefused):
            mailer().send_messages([sent])
        outcomes += [r.code for r in sent.delivery_result.recipients]
    assert outcomes == [450, 450, 450, 250]


def test_it_greets_wrongly(smtp_server, mailer):
    smtp_server.refuse(reply="554 5.7.1 go away", at="connect", times=1)
    smtp_server.refuse(reply="HTTP/1.1 400 Bad Request", at="connect", times=1)
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
            mailer().send_messages([message()])
    assert mailer().send_messages([message()]) == 1


@pytest.mark.parametrize(
    ("step", "taken", "fault"),
    [
        ("connect", 0, "mailer"),
        ("ehlo", 0, "mailer"),
        ("rcpt", 0, "mailer"),
        ("data", 0, "mailer"),
        ("body", 0, None),
        ("content", 1, "unknown"),
    ],
)
def test_it_drops_the_connection_at_any_step(smtp_server, mailer, step, taken, fault):
    smtp_server.drop(at=step)
    sent = message(body="x\n" * 100_000)
    with pytest.raises(OSError) as error:  # noqa: PT011 (smtplib's errors are OSError)
        mailer().send_messages([sent])
    assert len(smtp_server.messages) == taken
    assert fault in (None, classify(error.value))
    if step == "content":
        assert {r.kind for r in sent.delivery_result.recipients} == {"unknown"}
    smtp_server.behave()
    assert mailer().send_messages([message()]) == 1


def test_it_delays_until_it_ends(with_mailers):
    """The end of the server ends the wait, so a test never waits for it."""
    with SmtpServer() as server:
        server.delay(3600, at="data")
        failed = threading.Event()

        def send():
            try:
                EmailBackend(
                    alias="x", host=server.host, port=server.port, timeout=60
                ).send_messages([message()])
            except OSError:
                failed.set()

        thread = threading.Thread(target=send)
        thread.start()
        while not any(line.lower().startswith("c: data") for line in server.transcript):
            assert thread.is_alive()
    thread.join(30)
    assert failed.is_set()


def test_a_delay_is_longer_than_a_short_timeout(smtp_server, mailer):
    smtp_server.delay(60, at="rcpt")
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        mailer(timeout=0.2).send_messages([message()])


def test_extensions_are_offered_and_hidden(smtp_server):
    def extensions():
        with client(smtp_server) as smtp:
            smtp.ehlo()
            return {*smtp.esmtp_features}

    usual = {"pipelining", "8bitmime", "smtputf8", "enhancedstatuscodes", "size"}
    assert extensions() == usual
    smtp_server.hide("PIPELINING", "size", "8bitmime", "SMTPUTF8")
    smtp_server.offer("DSN")
    assert extensions() == {"enhancedstatuscodes", "dsn"}
    with client(smtp_server) as smtp:
        smtp.ehlo()
        code, text = smtp.mail("a@example.com", ["BODY=8BITMIME"])
        assert (code, text) == (555, b"5.5.4 The parameter BODY is unknown")
    smtp_server.offer("PIPELINING")
    assert "pipelining" in extensions()


def test_a_mail_that_is_too_big_is_refused(smtp_server):
    smtp_server.size = 100
    with client(smtp_server) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["size"] == "100"
        assert smtp.mail("a@example.com", ["SIZE=101"])[0] == 552
        smtp.mail("a@example.com")
        smtp.rcpt("b@example.com")
        assert smtp.data(b"x" * 200)[0] == 552
    assert smtp_server.messages == []


def test_it_asks_for_a_login(smtp_server, mailer):
    assert "username" not in smtp_server.mailer["OPTIONS"]
    without = mailer()
    smtp_server.require_login("shop", "Geheimnis")
    with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
        without.send_messages([message()])
    assert mailer().send_messages([message()]) == 1
    with pytest.raises(smtplib.SMTPAuthenticationError):
        mailer(password="wrong").send_messages([message()])
    assert "Geheimnis" not in "".join(smtp_server.transcript)
    for mechanism in ("auth_login", "auth_plain"):
        with client(smtp_server) as smtp:
            smtp.ehlo()
            smtp.user, smtp.password = "shop", "x"
            with pytest.raises(smtplib.SMTPAuthenticationError):
                smtp.auth(mechanism[5:].upper(), getattr(smtp, mechanism))


def test_it_speaks_tls_with_a_certificate_that_is_trusted(
    smtp_server, mailer, monkeypatch
):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("SSL_CERT_FILE", "before")
    with SmtpServer() as server:
        server.offer_starttls()
        assert server.mailer["OPTIONS"]["use_tls"]
        backend = EmailBackend(alias="x", **server.mailer["OPTIONS"])
        assert backend.send_messages([message()]) == 1
        backend.close()
        assert "C: STARTTLS" in [line[:11].upper() for line in server.transcript]
        server.refuse(reply="454 4.7.0 not now", at="starttls")
        with pytest.raises(OSError):  # noqa: PT011 (smtplib's errors are OSError)
            EmailBackend(alias="y", **server.mailer["OPTIONS"]).send_messages(
                [message()]
            )
    assert os.environ["SSL_CERT_FILE"] == "before"


def test_a_client_that_is_silent_amid_tls_does_not_keep_the_server_from_ending():
    pytest.importorskip("cryptography")
    with SmtpServer() as server:
        server.offer_starttls()
        smtp = client(server)
        smtp.ehlo()
        assert smtp.docmd("STARTTLS")[0] == 220
        [talking] = [
            thread
            for thread in threading.enumerate()
            if thread.name == f"smtp-{server.port}"
        ][1:]
    assert not talking.is_alive()
    smtp.close()


def test_what_is_out_of_order_is_refused(smtp_server):
    with client(smtp_server) as smtp:
        assert smtp.docmd("MAIL FROM:<a@example.com>")[0] == 503
        smtp.helo()
        assert smtp.docmd("RCPT TO:<a@example.com>")[0] == 503
        assert smtp.docmd("MAIL nonsense")[0] == 501
        assert smtp.docmd("XYZ")[0] == 500
        assert smtp.docmd("STARTTLS")[0] == 502
        smtp.mail("a@example.com")
        assert smtp.docmd("DATA")[0] == 554
        assert smtp.rset()[0] == 250
        assert smtp.docmd("RCPT TO:<a@example.com>")[0] == 503


def test_an_unknown_step_is_an_error(smtp_server):
    with pytest.raises(
        ValueError, match=r"at='rctp' is no step of SMTP .there are: 'con"
    ):
        smtp_server.refuse(at="rctp")


def test_it_ends_with_connections_open():
    with SmtpServer() as server:
        idle = socket.create_connection((server.host, server.port))
        assert idle.recv(100).startswith(b"220")
    assert idle.recv(100) == b""
    idle.close()
    assert repr(server) == f"<SmtpServer 127.0.0.1:{server.port}, 0 messages>"


def test_it_can_be_started_again():
    server = SmtpServer()
    for number in (1, 2):
        with server, smtplib.SMTP(server.host, server.port, timeout=10) as smtp:
            smtp.sendmail("a@b.example", ["c@d.example"], "Subject: x\r\n\r\nBody\r\n")
        assert len(server.messages) == number


def test_a_login_has_a_password(smtp_server):
    with pytest.raises(ValueError, match="require_login: username and password"):
        smtp_server.require_login("ann", "")
