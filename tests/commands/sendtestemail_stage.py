"""What the tests of sendtestemail share: servers, backends, and the outcome of a run."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator

import django.core.mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import CommandError, call_command
from scripted_server import ScriptedServer

from django_mailplus.compat import get_mailer

SMTP = "django_mailplus.backends.smtp.EmailBackend"
PASSWORD = "hunter2 correct-horse"
# Django 5.2 wants pairs in ADMINS and MANAGERS, later versions plain addresses.
PLAIN_ADDRESSES = hasattr(django.core.mail, "_send_server_message")


def people(*addresses: str):
    return (
        list(addresses) if PLAIN_ADDRESSES else [("", address) for address in addresses]
    )


def mailer(server, **options):
    return {
        "BACKEND": SMTP,
        "OPTIONS": {"host": server.host, "port": server.port, "timeout": 10} | options,
    }


class Outcome:
    def __init__(self, *args: str, verbosity: int = 1) -> None:
        stdout, stderr = io.StringIO(), io.StringIO()
        self.error: CommandError | None = None
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                call_command(
                    "sendtestemail", *args, stdout=stdout, stderr=stderr, verbosity=verbosity,
                    no_color=True,
                )  # fmt: skip
            except CommandError as error:
                self.error = error
        self.raw = stdout.getvalue()
        self.printed = printed.getvalue()  # by a backend
        self.out = " ".join(self.raw.split())
        self.failure = " ".join(str(self.error).split()) if self.error else ""


def google(**more):
    return ScriptedServer(
        ehlo="250-smtp.gmail.com at your service\n250 AUTH LOGIN PLAIN",
        auth="534-5.7.9 Application-specific password required. For more information, go to\n"
        "534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
        **more,
    )


class Keep:
    """A handler for aiosmtpd that refuses addresses beginning with "gone"."""

    def __init__(self):
        self.messages = []
        self.host, self.port = "127.0.0.1", 0

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.messages.append(envelope)
        return "250 2.0.0 Ok: queued as 4F1D"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.startswith("gone"):
            return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"


@contextlib.contextmanager
def receiving() -> Iterator[Keep]:
    """An aiosmtpd server on a free port."""
    from aiosmtpd.controller import Controller

    keep = Keep()
    with socket.create_server(("127.0.0.1", 0)) as free:
        keep.port = free.getsockname()[1]
    controller = Controller(keep, hostname=keep.host, port=keep.port)
    controller.start()
    try:
        yield keep
    finally:
        controller.stop()


def backend_path(backend: type) -> str:
    return f"{backend.__module__}.{backend.__qualname__}"


class Nothing(BaseEmailBackend):
    def send_messages(self, email_messages):
        return 0


class NoCount(BaseEmailBackend):
    def send_messages(self, email_messages):
        return None


class Broken(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise LookupError("the \x1b[31mdog ate it")


class Wrapper(BaseEmailBackend):
    def __init__(self, *, using="", **kwargs):
        super().__init__(**kwargs)
        self.using = using

    def send_messages(self, email_messages):
        return get_mailer(self.using).send_messages(email_messages)
