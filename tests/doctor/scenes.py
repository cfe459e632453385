"""One scene per row of the failure catalogue: how that failure comes about.

Most run a real send against a real socket; the few that would need somebody else's
network or a broken machine build the exception that Python raises there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import smtplib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from scripted_server import CLOSE, SILENCE, ScriptedServer, server_context

from django_mailplus.compat import InvalidMailer, MailerDoesNotExist
from django_mailplus.doctor.catalogue import ServerSettings
from django_mailplus.exceptions import RateLimitError

LOGIN = {"username": "user@example.com", "password": "hunter2"}
WITH_LOGIN = "250-test\n250 AUTH PLAIN"
IMPATIENT = 0.3  # seconds, where the test is that nobody answers


@dataclass
class Stage:
    """What a scene may use."""

    backend_class: type
    tmp_path: Path
    monkeypatch: pytest.MonkeyPatch
    exits: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def server(self, **script: Any) -> ScriptedServer:
        return self.exits.enter_context(ScriptedServer(**script))

    def tls(self, **certificate: Any):
        context, self.certificate = server_context(self.tmp_path, **certificate)
        return context

    def trust(self) -> None:
        self.monkeypatch.setenv("SSL_CERT_FILE", str(self.certificate))

    def send(
        self, to: Any, *, message: EmailMessage | None = None, **options: Any
    ) -> Seen:
        """Send one message to a server, or to (host, port), and catch what is raised."""
        host, port = (to.host, to.port) if isinstance(to, ScriptedServer) else to
        defaults = {"username": "", "password": "", "use_tls": False, "use_ssl": False}
        options = defaults | {"host": host, "port": port, "timeout": 10} | options
        backend = self.backend_class(alias="default", **options)
        message = message or EmailMessage(
            "Subject", "Text", "shop@example.com", ["a@example.com"]
        )
        try:
            with pytest.raises((OSError, ValueError)) as caught:
                backend.send_messages([message])
        finally:
            with contextlib.suppress(OSError):
                backend.close()
        return Seen(caught.value, ServerSettings.of(backend))


@dataclass
class Seen:
    error: BaseException
    server: ServerSettings = field(default_factory=ServerSettings)

    def pretending(self, **settings: Any) -> Seen:
        """The same failure, with settings that no test server can have."""
        return Seen(self.error, replace(self.server, **settings))


@dataclass(frozen=True)
class Scene:
    id: str
    play: Callable[[Stage], Seen]
    note: str = ""

    def __str__(self) -> str:
        return f"{self.id}-{self.note}".rstrip("-")


SCENES: list[Scene] = []


def scene(failure_id: str) -> Callable:
    def register(play: Callable[[Stage], Seen]) -> Callable[[Stage], Seen]:
        SCENES.append(Scene(failure_id, play, play.__name__))
        return play

    return register


# --- A server's reply, at one stage of the dialogue ---------------------------------------------


def reply(
    failure_id: str, stage: str, text: str, *, host: str = "", **options: Any
) -> None:
    """A row that is recognised by what the server says."""

    def play(context: Stage) -> Seen:
        login = stage == "auth" or options.pop("login", False)
        script: dict[str, Any] = {
            stage: text,
            "ehlo": WITH_LOGIN if login else "250 test",
        }
        seen = context.send(
            context.server(**script), **(LOGIN if login else {}) | options
        )
        return seen.pretending(host=host) if host else seen

    SCENES.append(Scene(failure_id, play, text.partition("\n")[0][:40]))


# --- Settings and addresses ---------------------------------------------------------------------


@scene("tls-and-ssl")
def both_flags_as_settings(stage: Stage) -> Seen:
    with pytest.raises((ValueError, ImproperlyConfigured)) as caught:
        stage.backend_class(alias="default", host="h", use_tls=True, use_ssl=True)
    return Seen(caught.value)


@scene("tls-and-ssl")
def both_flags_with_email_settings(stage: Stage) -> Seen:
    return Seen(
        ValueError("EMAIL_USE_TLS/EMAIL_USE_SSL are mutually exclusive, so only")
    )


@scene("host-missing")
def no_host_in_the_options(stage: Stage) -> Seen:
    return Seen(InvalidMailer("OPTIONS must define 'host'.", alias="default"))


@scene("mailer-not-configured")
def an_unknown_alias(stage: Stage) -> Seen:
    return Seen(MailerDoesNotExist(alias="nope"))


@scene("rate-limit")
def no_room_for_another(stage: Stage) -> Seen:
    return Seen(RateLimitError("limited", "1/h", 3600))


def at_postmark(stage: Stage, **options: Any) -> Seen:
    from anymail.backends.postmark import EmailBackend

    message = EmailMessage("Subject", "Text", "shop@example.com", ["a@example.com"])
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the catalogue says which)
        EmailBackend(alias="default", **options).send_messages([message])
    return Seen(caught.value)


@scene("api-key-missing")
def no_token_for_the_api(stage: Stage) -> Seen:
    return at_postmark(stage)


class Unauthorized(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(401)

    def log_message(self, *args: Any) -> None:
        pass


@scene("api-key-refused")
def an_api_that_knows_no_such_token(stage: Stage) -> Seen:
    server = stage.exits.enter_context(HTTPServer(("127.0.0.1", 0), Unauthorized))
    Thread(target=server.serve_forever, daemon=True).start()
    stage.exits.callback(server.shutdown)
    url = f"http://127.0.0.1:{server.server_port}/"
    return at_postmark(stage, server_token="", api_url=url)


@scene("address-invalid")
def an_invalid_recipient(stage: Stage) -> Seen:
    # Django 5.2 words it differently, so the exception is built.
    return Seen(ValueError("Invalid address 'a b@'; missing trailing"))


@scene("address-local-part")
def a_local_part_outside_ascii(stage: Stage) -> Seen:
    return Seen(
        ValueError(
            "Invalid address 'j\xf6rg@example.com': local-part contains non-ASCII characters)"
        )
    )


@scene("header-newline")
def a_newline_in_the_subject(stage: Stage) -> Seen:
    message = EmailMessage(
        "a\nBcc: b@example.com", "", "shop@example.com", ["a@example.com"]
    )
    return stage.send(stage.server(), message=message)


# --- Finding and reaching the server --------------------------------------------------------------


@scene("google-inbound-host")
def a_login_at_the_receiving_server(stage: Stage) -> Seen:
    seen = stage.send(stage.server(ehlo="250-mx.google.com\n250 STARTTLS"), **LOGIN)
    return seen.pretending(host="smtp.google.com")


def lookup(failure_id: str, host: str) -> None:
    def play(stage: Stage) -> Seen:
        return stage.send((host, 587))

    SCENES.append(Scene(failure_id, play, repr(host)[:30]))


lookup("host-has-scheme", "smtp://mail.invalid")
lookup("host-has-port", "mail.invalid:587")
lookup("host-has-space", "mail.invalid ")
lookup("host-malformed", "mail..invalid")
lookup("host-malformed", "m" * 64 + ".invalid")
lookup("dns-failure", "mail.invalid")


@scene("connection-refused-local")
def nothing_listens(stage: Stage) -> Seen:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    return stage.send(address)


@scene("connection-refused")
def nothing_listens_elsewhere(stage: Stage) -> Seen:
    return nothing_listens(stage).pretending(host="mail.example.com")


@scene("network-unreachable")
def no_route(stage: Stage) -> Seen:
    return Seen(OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)))


@scene("connect-timeout")
def packets_vanish(stage: Stage) -> Seen:
    # The kernel drops connections beyond those that wait to be accepted.
    listener = stage.exits.enter_context(
        socket.create_server(("127.0.0.1", 0), backlog=0)
    )
    for _ in range(4):
        waiting = stage.exits.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    return stage.send(listener.getsockname(), timeout=IMPATIENT)


@scene("implicit-tls-port")
def starttls_at_a_tls_port(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls())
    return stage.send(server, use_tls=True, timeout=IMPATIENT).pretending(port=465)


@scene("implicit-tls-port")
def a_tls_port_that_hangs_up(stage: Stage) -> Seen:
    return stage.send(stage.server(banner=CLOSE), use_tls=True).pretending(port=465)


# --- What the server offers -------------------------------------------------------------------


@scene("not-smtp")
def a_web_server_that_answers_the_greeting(stage: Stage) -> Seen:
    return stage.send(stage.server(banner="HTTP/1.1 400 Bad"))


@scene("helo-refused")
def no_greeting_is_good_enough(stage: Stage) -> Seen:
    server = stage.server(ehlo="550 5.7.1 who are you", helo="550 5.7.1 who are you")
    return stage.send(server)


@scene("starttls-unsupported")
def starttls_at_a_development_catcher(stage: Stage) -> Seen:
    return stage.send(stage.server(), use_tls=True)


@scene("use-tls-is-text")
def the_text_false_is_true(stage: Stage) -> Seen:
    return stage.send(stage.server(), use_tls="False")


@scene("auth-unsupported-in-plain-text")
def a_login_without_tls(stage: Stage) -> Seen:
    return stage.send(stage.server(), **LOGIN)


@scene("auth-unsupported")
def a_login_where_there_is_none(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls())
    stage.trust()
    return stage.send(server, use_ssl=True, **LOGIN)


@scene("auth-no-mechanism")
def only_oauth(stage: Stage) -> Seen:
    return stage.send(stage.server(ehlo="250-test\n250 AUTH XOAUTH2 NTLM"), **LOGIN)


@scene("password-no-break-space")
def an_app_password_as_google_shows_it(stage: Stage) -> Seen:
    password = "abcd\xa0efgh\xa0ijkl\xa0mnop"
    return stage.send(stage.server(ehlo=WITH_LOGIN), username="u", password=password)


@scene("credentials-not-ascii")
def a_password_with_an_umlaut(stage: Stage) -> Seen:
    return stage.send(stage.server(ehlo=WITH_LOGIN), username="u", password="p\xe4ss")


# --- Connections that break -------------------------------------------------------------------


@scene("reply-timeout")
def no_greeting(stage: Stage) -> Seen:
    return stage.send(stage.server(banner=SILENCE), timeout=IMPATIENT)


@scene("reply-timeout")
def no_answer_to_the_message(stage: Stage) -> Seen:
    return stage.send(stage.server(content=SILENCE), timeout=IMPATIENT)


@scene("server-disconnected")
def closed_without_a_word(stage: Stage) -> Seen:
    return stage.send(stage.server(banner=CLOSE))


@scene("server-disconnected")
def closed_in_the_middle(stage: Stage) -> Seen:
    return stage.send(stage.server(mail=CLOSE))


@scene("connection-broken")
def reset_by_peer(stage: Stage) -> Seen:
    return Seen(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))


@scene("recipient-unknown")
def one_of_several_recipients(stage: Stage) -> Seen:
    # What a caller of smtplib sees when all are refused, each for its own reason.
    refused = {
        "a@example.com": (550, b"5.1.1 User unknown"),
        "b@example.com": (452, b"4.2.2 Mailbox full"),
    }
    return Seen(smtplib.SMTPRecipientsRefused(refused))
