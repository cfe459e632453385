"""Who is measured: Django's own SMTP backend, ours, and the protocol without a backend."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import smtplib
import subprocess
from collections.abc import Callable
from email import policy
from typing import Any

from benchmarks.servers import HOST, LOGIN, postfix
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as DjangosBackend

from django_mailplus.backends.smtp import EmailBackend as OurBackend

__all__ = [
    "SENDER",
    "DjangosBackend",
    "OurBackend",
    "Peer",
    "configure",
    "connect",
    "djangos_bytes",
    "missing_aiosmtplib",
    "missing_smtp_source",
    "our_bytes",
    "send_bytes",
    "send_bytes_async",
    "send_with_smtp_source",
    "understood",
]

Peer = type[BaseEmailBackend]
SENDER = "shop@example.com"


def configure() -> None:
    """The settings of a project that has not set anything about mail but a server."""
    if settings.configured:
        return
    backend = f"{OurBackend.__module__}.{OurBackend.__qualname__}"
    settings.configure(
        INSTALLED_APPS=["django_mailplus"],
        MAILERS={"default": {"BACKEND": backend, "OPTIONS": {"host": HOST}}},
        USE_TZ=True,
    )


def understood(peer: Peer, **options: Any) -> dict[str, Any]:
    """Those of the options that a backend has; Django's has none of ours."""
    if not issubclass(peer, OurBackend):
        return {}
    return {
        name: value
        for name, value in options.items()
        if not any(
            repr(name) in finding.msg
            for finding in peer.check("default", {"host": HOST, name: value})
        )
    }


def connect(
    peer: Peer, port: int, *, encrypted: bool = False, **options: Any
) -> BaseEmailBackend:
    """A new backend, as Django makes one for every `send_mail`."""
    if encrypted:
        username, password = LOGIN
        options |= {"username": username, "password": password, "use_tls": True}
    # Naming the alias keeps Django 6.1 from warning and from reading EMAIL_ settings.
    return peer(host=HOST, port=port, alias="default", **options)


def djangos_bytes() -> Callable[[EmailMessage], bytes]:
    """What Django's own SMTP backend of this version does with a message."""
    if "policy" in inspect.signature(EmailMessage.message).parameters:
        return lambda message: message.message(policy=policy.SMTP).as_bytes()
    return lambda message: message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]


def our_bytes() -> Callable[[EmailMessage], bytes] | None:
    """`to_bytes` of django_mailplus.message.wire, if this version has it."""
    name = "django_mailplus.message.wire"
    if importlib.util.find_spec(name) is None:
        return None
    to_bytes: Callable[[EmailMessage], bytes] = importlib.import_module(name).to_bytes
    return to_bytes


Prepared = list[tuple[str, bytes]]
"""Recipient and ready-made bytes of each message."""


def send_bytes(port: int, prepared: Prepared) -> int:
    with smtplib.SMTP(HOST, port, local_hostname="localhost") as client:
        for recipient, content in prepared:
            client.sendmail(SENDER, [recipient], content)
    return len(prepared)


def missing_aiosmtplib() -> str:
    if importlib.util.find_spec("aiosmtplib") is None:
        return "not there: pip install aiosmtplib"
    return ""


def send_bytes_async(port: int, prepared: Prepared) -> int:
    import aiosmtplib

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=port) as client:
            for recipient, content in prepared:
                await client.sendmail(SENDER, [recipient], content)

    asyncio.run(send())
    return len(prepared)


def missing_smtp_source() -> str:
    return "" if postfix("smtp-source") else "not there: apt-get install postfix"


def send_with_smtp_source(port: int, count: int, size: int) -> int:
    """Postfix's own load generator, in C: one connection, no message is built."""
    program = postfix("smtp-source")
    assert program is not None
    command = [program, "-d", "-s", "1", "-m", str(count), "-l", str(size)]
    command += ["-f", SENDER, "-t", "customer@example.com", f"{HOST}:{port}"]
    subprocess.run(command, check=True)
    return count
