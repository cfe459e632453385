"""The headers that Django gives a message, in its order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.mail import EmailMessage
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from django_mailplus.message.multipart import NotPlainError
from django_mailplus.message.stamps import new_date, new_message_id

__all__ = ["extra_header", "fields", "items", "text"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_FROM_ATTRIBUTES = frozenset({"from", "to", "cc", "reply-to"})
# These may be refused, doubled, or change what was written before them.
_JUDGED = re.compile(r"subject|bcc|mime-version|content-.*")


def text(value: object) -> str:
    """A value that is text, be it lazy; what else Django makes of values is left to it."""
    if type(value) is str or type(value) is SafeString:
        return value
    if isinstance(value, Promise):
        return str(value)
    raise NotPlainError


def fields(message: EmailMessage) -> Iterator[tuple[str, str]]:
    """Names and values, as they were given."""
    extra = message.extra_headers
    if type(extra) is not dict:
        raise NotPlainError
    yield "Subject", text(message.subject)
    yield "From", text(extra.get("From", message.from_email))
    for name, values in (
        ("To", message.to),
        ("Cc", message.cc),
        ("Reply-To", message.reply_to),
    ):
        if name in extra:
            if isinstance(extra[name], Promise):  # Django 6 takes none here
                raise NotPlainError
            yield name, text(extra[name])
        elif values:
            yield name, ", ".join(map(text, items(values)))
    names = [name.lower() for name in extra]
    if "date" not in names:
        yield "Date", new_date()
    if "message-id" not in names:
        yield "Message-ID", new_message_id()
    if extra:
        yield from _extra_fields(extra, names)


def extra_header(message: EmailMessage, name: str) -> str:
    """What `extra_headers` says of a name, in any case; empty where that is nothing."""
    values = (v for n, v in message.extra_headers.items() if n.lower() == name.lower())
    return str(next(values, ""))


def items(values: object) -> list[Any] | tuple[Any, ...]:
    """What may be gone through more than once."""
    if type(values) is list or type(values) is tuple:
        return values
    raise NotPlainError


def _extra_fields(extra: dict[str, Any], names: list[str]) -> Iterator[tuple[str, str]]:
    if len(set(names)) < len(names):
        raise NotPlainError
    for lower, (name, value) in zip(names, extra.items(), strict=True):
        if lower not in _FROM_ATTRIBUTES:
            if _JUDGED.fullmatch(lower) or not _NAME.fullmatch(name):
                raise NotPlainError
            yield name, text(value)
