"""What the tests against Postfix send, and how they look at what came of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from email.mime.base import MIMEBase
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from message.parts import image
from misbehaving_server import Taken
from smtp.postfix_stage import HOST, Postfix, content

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import MODERN_MIME

_NOISE = random.Random(1).randbytes(250_000)  # noqa: S311 (no secret)


def backend(postfix: Postfix, **options: Any) -> EmailBackend:
    options = {"timeout": 20, "alias": "default"} | options
    return EmailBackend(host=HOST, port=postfix.port, **options)


def mail(number: int = 1, to: Iterable[str] = (), **changes: Any) -> EmailMessage:
    """A message with a sender of its own, by whom it is known in the sink."""
    values = {
        "subject": f"Order {number}",
        "body": f"Text {number}\n.\nend\n",
        "from_email": f"ann{number}@example.com",
        "to": list(to) or [f"bob{number}@example.com"],
    }
    return EmailMessage(**values | changes)


def batch(count: int) -> list[EmailMessage]:
    return [mail(number) for number in range(count)]


def in_order(taken: Iterable[Taken]) -> list[bytes]:
    """The messages, as they were numbered when they were sent."""
    return [content(one) for one in sorted(taken, key=number_of)]


def numbers(postfix: Postfix) -> list[int]:
    """Which messages have arrived."""
    return sorted(number_of(one) for one in postfix.delivered())


def number_of(taken: Taken) -> int:
    return int("".join(filter(str.isdigit, taken.sender)))


def queue_id(taken: Taken) -> bytes:
    """What Postfix calls the message."""
    found = re.search(rb"\sid (\w+)", taken.content)
    assert found is not None
    return found[1]


def said(message: Any) -> list[tuple[str, int | None, str]]:
    """Kind, code and enhanced code for each recipient."""
    recipients = message.delivery_result.recipients
    return [(one.kind, one.code, one.enhanced) for one in recipients]


def _alternative(number: int) -> EmailMessage:
    message = EmailMultiAlternatives(
        "Zwei Fassungen",
        "Grüße\n",
        f"Käsehaus <ann{number}@example.com>",
        ["Jörg Müller <bob@example.com>"],
        headers={"X-Order": "ä" * 90},
    )
    message.attach_alternative("<p>Grüße</p>\n" * 20, "text/html")
    return message


def _attached(number: int) -> EmailMessage:
    message = mail(number)
    message.attach("Größe.pdf", _NOISE[:9000], "application/pdf")
    message.attach("dots.txt", ".\n..\n.a\n\n.\n", "text/plain")
    message.attach("lf.csv", "a;b\nc;ä\n", "text/csv")
    return message


def _inline(number: int) -> EmailMessage:
    message = EmailMultiAlternatives(
        "Logo", "Text", f"ann{number}@example.com", ["bob@example.com"]
    )
    message.attach_alternative('<img src="cid:logo">', "text/html")
    message.attachments.append(image("<logo>", _NOISE[:5000], modern=MODERN_MIME))
    return message


def _forwarded(number: int) -> EmailMessage:
    message = mail(number)
    message.attach("inner.eml", _alternative(0), "message/rfc822")
    return message


def _long_and_raw(number: int) -> EmailMessage:
    part = MIMEBase("application", "x-lines")
    part.set_payload("." * 5000 + "\n.\n" + "x" * 998 + "\n." + "y" * 999 + "\n")
    message = mail(number)
    message.attachments.append(part)
    return message


KINDS: dict[str, Callable[[int], EmailMessage]] = {
    "plain": mail,
    "empty": lambda number: mail(number, body=""),
    "one-dot": lambda number: mail(number, body="."),
    "dots": lambda number: mail(number, body=".\n..\n\n.\n.a\n" * 50),
    "non-ascii": lambda number: mail(
        number, subject="Grüße 🌱 " * 20, body="Äpfel\n.\nЖ\n"
    ),
    "long-lines": lambda number: mail(number, body="a" * 5000 + "\n" + "ä" * 3000),
    "line-998": lambda number: mail(number, body="a" * 998 + "\n" + "b" * 997),
    "no-last-newline": lambda number: mail(number, body="a\nb\n\n\nc"),
    "trailing": lambda number: mail(number, body="a  \n\t\n\n\n \n"),
    "header-lookalike": lambda number: mail(number, body="From: x\n\nFrom x\n"),
    "many-headers": lambda number: mail(
        number,
        headers={
            "X-Long": "word " * 150,
            "Return-Path": "<x@example.com>",
            "Reply-To": "a" * 60 + "@example.com",
            "Content-Length": "3",
        },
    ),
    "alternative": _alternative,
    "attached": _attached,
    "inline": _inline,
    "forwarded": _forwarded,
    "long-and-raw": _long_and_raw,
    "megabyte": lambda number: mail(number, body=("x" * 70 + "\n") * 14_000),
    "binary": lambda number: _with(number, _NOISE),
}
"""Every kind of message, by name; each function takes the number of the message."""


def _with(number: int, data: bytes) -> EmailMessage:
    message = mail(number)
    message.attach("noise.bin", data, "application/octet-stream")
    return message


def every_kind(rounds: int = 1) -> list[EmailMessage]:
    builds = list(KINDS.values()) * rounds
    return [build(number) for number, build in enumerate(builds)]
