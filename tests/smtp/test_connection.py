"""One session: getting ready, and knowing whether it is still good."""

from __future__ import annotations

import base64
import smtplib
import ssl
import time

import pytest
from scripted_server import CLOSE, SILENCE, ScriptedServer, server_context

from django_mailplus.smtp.channel import SMTPReplyError
from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.opening import ConnectionOptions, connect

USER, PASSWORD = "user@example.com", "hunter2-hunter2"


def options_for(server, **options):
    values = {"host": server.host, "port": server.port, "timeout": 5, **options}
    return ConnectionOptions(local_hostname="client", **values)


def b64(text):
    return base64.b64encode(text.encode()).decode()


PLAIN_RESPONSE = b64(f"\0{USER}\0{PASSWORD}")


def offering(*mechanisms):
    return f"250-test\n250 AUTH {' '.join(mechanisms)}"


def auth_commands(server):
    return [
        command for command in server.commands if command.upper().startswith("AUTH")
    ]


def test_a_session_is_ready_and_knows_its_age_and_use():
    before = time.monotonic()
    with ScriptedServer() as server, connect(options_for(server)) as session:
        assert before <= session.created <= time.monotonic()
        assert (session.used, session.alive(), session.encrypted) == (0, True, False)
        session.sendmail("a@example.com", ["b@example.com"], b"x\r\n")
        assert session.used == 1
        assert isinstance(session, SMTP)


@pytest.mark.parametrize("implicit", [True, False])
def test_tls_from_the_start_or_after_starttls(tmp_path, implicit):
    context, certificate = server_context(tmp_path)
    ehlo = "250-test\n250-STARTTLS\n250 AUTH PLAIN"
    with ScriptedServer(tls=context, upgrade=not implicit, ehlo=ehlo) as server:
        session = connect(
            options_for(
                server,
                use_ssl=implicit,
                use_tls=not implicit,
                context=ssl.create_default_context(cafile=certificate),
                username=USER,
                password=PASSWORD,
            )
        )
        assert session.encrypted
        assert isinstance(session, SMTP_SSL) is implicit
        assert session.alive()
        session.sendmail("a@example.com", ["b@example.com"], b"x\r\n")
        assert session.alive()
        session.quit()
        assert not session.alive()
    assert server.messages == [b"x\r\n"]
    assert auth_commands(server) == [f"AUTH PLAIN {PLAIN_RESPONSE}"]


def test_a_certificate_that_is_not_trusted_leaves_nothing_open(tmp_path):
    context, _ = server_context(tmp_path)
    with (
        ScriptedServer(tls=context, upgrade=True, ehlo="250-x\n250 STARTTLS") as server,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        connect(options_for(server, use_tls=True))


def test_a_server_without_starttls_gets_no_password():
    with (
        ScriptedServer(ehlo=offering("PLAIN")) as server,
        pytest.raises(smtplib.SMTPNotSupportedError, match="STARTTLS"),
    ):
        connect(options_for(server, use_tls=True, username=USER, password=PASSWORD))
    assert auth_commands(server) == []


def test_replies_slipped_in_before_the_handshake_are_refused(tmp_path):
    context, certificate = server_context(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    with (
        ScriptedServer(
            tls=context,
            upgrade=True,
            ehlo="250-test\n250 STARTTLS",
            starttls="220 go ahead\n250 AUTH PLAIN",
        ) as server,
        pytest.raises(SMTPReplyError, match="before the TLS handshake"),
    ):
        connect(options_for(server, use_tls=True, context=trusting))


def test_both_kinds_of_tls_exclude_each_other():
    with pytest.raises(ValueError, match="exclude each other"):
        ConnectionOptions(host="h", use_tls=True, use_ssl=True)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"banner": "554 go away"}, smtplib.SMTPConnectError),
        ({"banner": "HTTP/1.1 400 Bad"}, smtplib.SMTPConnectError),
        ({"banner": CLOSE}, smtplib.SMTPServerDisconnected),
        ({"banner": SILENCE}, smtplib.SMTPServerDisconnected),
        ({"ehlo": "what"}, smtplib.SMTPHeloError),
        ({"ehlo": "502 no", "helo": "502 no"}, smtplib.SMTPHeloError),
        ({"ehlo": "\n".join(["250-x"] * 101 + ["250 x"])}, smtplib.SMTPHeloError),
        ({"ehlo": CLOSE}, smtplib.SMTPServerDisconnected),
    ],
)
def test_servers_that_do_not_greet(script, error):
    with ScriptedServer(**script) as server, pytest.raises(error):
        connect(options_for(server, timeout=0.3))


@pytest.mark.parametrize("reply", ["hello", "250 " + "x" * 9000])
def test_a_senseless_reply_closes_the_connection(reply):
    with ScriptedServer(noop=reply) as server:
        session = connect(options_for(server))
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            session.noop()
        assert caught.value.smtp_code == -1
        assert session.sock is None
        assert not session.alive()


def test_a_connection_that_was_closed_or_told_to_is_not_alive():
    with ScriptedServer(noop="250 ok\n421 4.4.2 idle for too long") as server:
        session = connect(options_for(server))
        session.noop()
        assert not session.alive()
        session.close()
    with ScriptedServer(noop=CLOSE) as server:
        session = connect(options_for(server))
        session.putcmd("noop")
        until = time.monotonic() + 5
        while session.alive() and time.monotonic() < until:
            time.sleep(0.005)
        assert not session.alive()
        session.close()
