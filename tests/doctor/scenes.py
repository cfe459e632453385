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
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from doctor.scripted_server import CLOSE, SILENCE, ScriptedServer, server_context

from django_mailplus.compat import InvalidMailer, MailerDoesNotExist
from django_mailplus.doctor.catalogue import ServerSettings

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


reply(
    "google-app-password",
    "auth",
    "534-5.7.9 Application-specific password required. For more information, go to\n"
    "534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp",
)
reply(
    "google-app-password", "auth", "535 5.7.1 Application-specific password required."
)
reply(
    "google-credentials",
    "auth",
    "535-5.7.8 Username and Password not accepted. For more information, go to\n"
    "535 5.7.8 https://support.google.com/mail/?p=BadCredentials x - gsmtp",
)
reply(
    "google-web-login",
    "auth",
    "534-5.7.14 Please log in via your web browser and then try again.\n534 5.7.14 x",
)
reply(
    "google-web-login",
    "auth",
    "535 5.7.1 Please log in with your web browser and then try again.",
)
reply(
    "google-login-limit",
    "auth",
    "454 4.7.0 Too many login attempts, please try again later. x - gsmtp",
)
reply(
    "google-relay-denied",
    "mail",
    "550 5.7.0 Mail relay denied [192.0.2.1]. Invalid credentials for relay",
)
reply(
    "google-relay-denied",
    "rcpt",
    "550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address\n550 5.7.1 you've registered",
)
reply("google-quota", "mail", "450 4.2.1 Peak SMTP relay limit exceeded for customer.")
reply("google-quota", "content", "550 5.4.5 Daily user sending limit exceeded.")
reply("google-quota", "content", "550 5.4.5 Daily SMTP relay limit exceeded for user.")
reply(
    "helo-name",
    "mail",
    "421 4.7.0 Try again later, closing connection. (MAIL) x - gsmtp",
)
reply(
    "gmail-unauthenticated",
    "content",
    "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n550 5.7.26 SPF did not pass",
)
reply(
    "gmail-unauthenticated",
    "content",
    "421 4.7.26 rate limited: Gmail requires all senders to authenticate with either SPF or DKIM.",
)
reply("gmail-spf", "content", "550 5.7.27 blocked because SPF does not pass.")
reply("gmail-dkim", "content", "550 5.7.30 blocked because DKIM does not pass.")
reply(
    "gmail-alignment",
    "content",
    "421 4.7.32 the From: header isn't aligned with either the authenticated SPF or DKIM domain.",
)
reply(
    "gmail-tls",
    "content",
    "421 4.7.29 rate limited because the connection is not using TLS.",
)
reply(
    "gmail-ptr",
    "content",
    "550 5.7.25 The IP address sending this message does not have a PTR record setup.",
)
reply(
    "gmail-ptr",
    "content",
    "421 4.7.23 The sending IP address doesn't have a PTR record.",
)
reply(
    "gmail-suspicious-spf",
    "content",
    "550 5.7.24 The SPF record of the sending domain has suspicious entries.",
)
reply("gmail-rate", "content", "421 4.7.28 Gmail has detected an unusual rate of mail.")
reply(
    "gmail-rate",
    "content",
    "550 5.7.1 Our system has detected an unusual rate of unsolicited mail.",
)
reply(
    "yahoo-reputation",
    "mail",
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
)
reply(
    "yahoo-reputation",
    "mail",
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1",
)
reply("yahoo-policy", "content", "554 5.7.9 Message not accepted for policy reasons.")
reply(
    "m365-smtp-auth-tenant",
    "auth",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled",
)
reply(
    "m365-smtp-auth-mailbox",
    "auth",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
)
reply(
    "m365-security-defaults",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.",
)
reply(
    "m365-basic-auth-disabled",
    "auth",
    "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
)
reply(
    "m365-basic-auth-retired",
    "mail",
    "550 5.7.30 Basic authentication is not supported for Client Submission.",
)
reply(
    "m365-credentials",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
)
reply(
    "m365-credentials",
    "auth",
    "535 5.7.3 Authentication unsuccessful [x.prod.outlook.com]",
)
reply(
    "m365-anonymous",
    "mail",
    "530 5.7.57 Client not authenticated to send anonymous mail during MAIL FROM [x]",
)
reply(
    "m365-send-as-denied",
    "content",
    "554 5.2.252 SendAsDenied; shop@example.com not allowed to send as other@example.com",
)
reply(
    "m365-send-as-denied",
    "content",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
)
reply(
    "m365-concurrency",
    "mail",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending",
)
reply(
    "m365-limits",
    "content",
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
)
reply("m365-limits", "content", "550 5.1.8 Access denied, bad outbound sender")
reply(
    "m365-limits",
    "content",
    "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
)
reply(
    "m365-tenant-attribution",
    "rcpt",
    "550 5.7.64 TenantAttribution; Relay Access Denied [ValidationStatus of '' is Empty]",
)
reply(
    "m365-banned-ip",
    "mail",
    "550 5.7.606 Access denied, banned sending IP [192.0.2.1].",
)
reply(
    "m365-banned-ip",
    "mail",
    "550 5.7.649 Access denied, banned sending IP [192.0.2.1].",
)
reply(
    "microsoft-dmarc",
    "content",
    "550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level.",
)
reply(
    "microsoft-dmarc",
    "content",
    "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification",
)
reply(
    "microsoft-spf",
    "content",
    "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
)
reply(
    "ses-not-verified",
    "content",
    "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: shop@example.com",
)
reply("ses-credentials", "auth", "535 Authentication Credentials Invalid")
reply("ses-not-subscribed", "auth", "535 Account not subscribed to SES")
reply(
    "ses-access-denied",
    "content",
    "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail'",
)
reply(
    "ses-throttled", "content", "454 Throttling failure: Maximum sending rate exceeded."
)
reply(
    "ses-throttled",
    "mail",
    "421 Too many concurrent SMTP connections; please try again later.",
)
reply(
    "sendgrid-credentials",
    "auth",
    "535 Authentication failed: Bad username / password",
    host="smtp.sendgrid.net",
)
reply("sendgrid-credits", "auth", "451 Authentication failed: Maximum credits exceeded")
reply(
    "sendgrid-sender",
    "content",
    "550 The from address does not match a verified Sender Identity.",
)
reply("brevo-ip", "auth", "525 5.7.1 Unauthorized IP address")
reply(
    "brevo-credentials",
    "auth",
    "535 5.7.8 Authentication failed",
    host="smtp-relay.brevo.com",
)
reply(
    "mailgun-sandbox",
    "rcpt",
    "421 Domain sandbox1.mailgun.org is not allowed to send: Sandbox subdomains are for test purposes only.",
)
reply(
    "sparkpost-domain", "content", "550 5.7.1 Unconfigured Sending Domain <example.com>"
)
reply(
    "smtp2go-domain",
    "content",
    "550 From header sender domain not verified: example.com",
)
reply("zoho-from", "mail", "553 Relaying disallowed as shop@example.com")
reply("zoho-from", "mail", "553 Sender is not allowed to relay emails")
reply(
    "zoho-blocked", "mail", "554 5.1.8 Email Outgoing Blocked. Sender Address Blocked"
)
reply(
    "starttls-required",
    "mail",
    "530 5.7.0 Must issue a STARTTLS command first. x - gsmtp",
)
reply(
    "starttls-required",
    "auth",
    "538 5.7.11 Encryption required for requested authentication mechanism",
)
reply(
    "user-without-password",
    "mail",
    "530 5.7.0 Authentication Required. x - gsmtp",
    username="user",
)
reply(
    "user-without-password",
    "rcpt",
    "550 Relay access denied - please authenticate",
    username="user",
)
reply("auth-required", "mail", "530 5.7.0 Authentication Required. x - gsmtp")
reply("auth-required", "mail", "550 5.7.1 Client was not authenticated")
reply("auth-required", "rcpt", "550 Relay access denied - please authenticate")
reply("auth-required-530", "mail", "530 5.5.1 Access denied")
reply(
    "password-has-space",
    "auth",
    "535 5.7.8 Error: authentication failed",
    password="abcd efgh",
)
reply("credentials-refused", "auth", "535 5.7.8 Error: authentication failed")
reply("login-not-now", "auth", "454 4.7.0 Temporary authentication failure")
reply("login-refused", "auth", "504 5.5.4 Unrecognized authentication type")
reply(
    "message-too-big",
    "mail",
    "552 5.3.4 Message size exceeds fixed maximum message size",
)
reply(
    "message-too-big",
    "content",
    "552 5.2.3 Your message exceeded Google's message size limits",
)
reply(
    "blocklisted",
    "rcpt",
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
)
reply("relay-denied", "rcpt", "554 5.7.1 <a@example.com>: Relay access denied")
reply("relay-denied", "rcpt", "550 relay not permitted")
reply("mailbox-full", "rcpt", "452 4.2.2 The recipient's inbox is out of storage space")
reply("mailbox-full", "rcpt", "552 5.2.2 Mailbox full")
reply(
    "greylisted",
    "rcpt",
    "450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted",
)
reply("rate-limited", "rcpt", "452 4.5.3 Too many recipients")
reply("rate-limited", "mail", "450 4.7.1 Error: hourly limit reached")
reply(
    "recipient-unknown",
    "rcpt",
    "550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
)
reply("recipient-unknown", "rcpt", "550 No such user here")
reply(
    "recipient-domain-unknown",
    "rcpt",
    "450 4.1.2 <a@example.com>: Recipient address rejected: Domain not found",
)
reply(
    "recipient-domain-unknown",
    "mail",
    "550 5.1.8 <root@localhost>: Sender address rejected: Domain not found",
)
reply("content-refused", "content", "554 5.7.1 Message contains spam or virus.")
reply(
    "sender-refused",
    "mail",
    "553 5.7.1 <shop@example.com>: Sender address rejected: not owned by user",
)
reply("greeting-busy", "banner", "421 4.3.2 Too busy")
reply("greeting-refused", "banner", "554 5.7.1 No SMTP service for you")
reply("not-smtp", "banner", "HTTP/1.1 400 Bad Request")


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


# --- TLS --------------------------------------------------------------------------------------


@scene("ssl-on-starttls-port")
def tls_at_a_plain_port(stage: Stage) -> Seen:
    return stage.send(stage.server(), use_ssl=True)


@scene("tls-hello-closed")
def the_server_hangs_up_in_the_handshake(stage: Stage) -> Seen:
    server = stage.server(
        starttls="220 go ahead", ehlo="250-test\n250 STARTTLS", upgrade=True
    )
    server.tls = _HangUp()
    return stage.send(server, use_tls=True)


class _HangUp:
    """Stands in for a TLS context: reads the hello, then closes."""

    def wrap_socket(
        self, connection: socket.socket, *, server_side: bool
    ) -> socket.socket:
        connection.recv(100_000)
        connection.shutdown(socket.SHUT_RDWR)
        raise OSError("hung up")


@scene("tls-handshake-timeout")
def nobody_answers_the_handshake(stage: Stage) -> Seen:
    return stage.send(stage.server(banner=SILENCE), use_ssl=True, timeout=IMPATIENT)


@scene("certificate-untrusted")
def a_self_signed_certificate(stage: Stage) -> Seen:
    return stage.send(stage.server(tls=stage.tls()), use_ssl=True)


@scene("certificate-untrusted")
def a_self_signed_certificate_after_starttls(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(), upgrade=True, ehlo="250-test\n250 STARTTLS")
    return stage.send(server, use_tls=True)


@scene("certificate-name")
def a_certificate_for_another_name(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(name="mail.example.com"))
    stage.trust()
    return stage.send(("localhost", server.port), use_ssl=True)


@scene("certificate-name")
def an_ip_address_that_the_certificate_lacks(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(name="mail.example.com"))
    stage.trust()
    return stage.send(server, use_ssl=True)


@scene("certificate-expired")
def a_certificate_of_last_month(stage: Stage) -> Seen:
    server = stage.server(tls=stage.tls(expired=True))
    stage.trust()
    return stage.send(server, use_ssl=True)


@scene("tls-version")
def no_cipher_in_common(stage: Stage) -> Seen:
    context = stage.tls()
    context.maximum_version = context.minimum_version = context.maximum_version.TLSv1_2
    context.set_ciphers(
        "ECDHE-RSA-AES128-GCM-SHA256"
    )  # the certificate's key is no RSA key
    return stage.send(stage.server(tls=context), use_ssl=True)


@scene("client-certificate")
def a_client_certificate_that_does_not_exist(stage: Stage) -> Seen:
    missing = str(stage.tmp_path / "missing.pem")
    return stage.send(stage.server(), use_ssl=True, ssl_certfile=missing)


@scene("client-certificate")
def a_client_certificate_that_is_none(stage: Stage) -> Seen:
    wrong = stage.tmp_path / "wrong.pem"
    wrong.write_text("no certificate", encoding="ascii")
    return stage.send(stage.server(), use_ssl=True, ssl_certfile=str(wrong))


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
