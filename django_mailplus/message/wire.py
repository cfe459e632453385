"""EmailMessage to bytes: what Django's own SMTP backend would send, many times faster.

Plain cases are written directly. Whatever is not plain, be it a header, a part or the
message, goes to Python's `email` in the way in which Django goes there.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Literal

from django.conf import settings
from django.core.mail import EmailMessage

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message.agreement import agrees
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.dialect import Dialect
from django_mailplus.message.headers import fields
from django_mailplus.message.multipart import NotPlainError
from django_mailplus.message.pristine import is_pristine, writes_as_django

__all__ = ["to_bytes"]


def to_bytes(
    message: EmailMessage, *, policy: Literal["smtp", "smtputf8"] = "smtp"
) -> bytes:
    """The message with CRLF lines, as Django's SMTP backend would hand it to smtplib.

    Equal byte for byte but for boundaries, the Message-ID and the Date. "smtputf8" is
    for servers that take UTF-8 in headers and needs Django 6.0 or later. Raises what
    Django raises, such as for a newline in a header. The message stays as it is.
    """
    dialect = _dialect()
    if policy not in dialect.policies:
        raise ValueError(
            f"policy={policy!r} is not among {sorted(dialect.policies)}, which this "
            "Django can write."
        )
    if isinstance(message, FinishedMessage):
        return message.mailplus_finished
    if policy == "smtp" and _is_djangos(message):
        # Whatever is wrong with a message, Django says it in its own words below.
        with contextlib.suppress(Exception):
            return _compose(message)
    return dialect.as_django(message, policy)


def _is_djangos(message: EmailMessage) -> bool:
    """Whether what Django would write is known here."""
    return is_pristine() and writes_as_django(message) and _agrees()


def _compose(message: EmailMessage) -> bytes:
    charset = message.encoding or settings.DEFAULT_CHARSET
    if type(charset) is not str:
        raise NotPlainError
    dialect = _dialect()
    root = dialect.content(message, charset)
    headers = [dialect.fold(name, value, charset) for name, value in fields(message)]
    return b"".join([root.head, *headers, *root.body])


@functools.cache
def _dialect() -> Dialect:
    if MODERN_MIME:
        from django_mailplus.message import modern

        return modern.DIALECT
    from django_mailplus.message import legacy

    return legacy.DIALECT


@functools.cache
def _agrees() -> bool:
    dialect = _dialect()
    return agrees(_compose, lambda message: dialect.as_django(message, "smtp"))
