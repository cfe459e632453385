"""Outcomes and failures in words for a terminal: one line each, and without secrets.

What a server says is foreign text: it may echo a password or hold control characters.
"""

from __future__ import annotations

import base64
import re
import smtplib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from django_mailplus.compat import email_setting, mailer_settings
from django_mailplus.delivery import DeliveryResult, RecipientResult
from django_mailplus.doctor.catalogue import ServerSettings
from django_mailplus.smtp.replies import parse_reply
from django_mailplus.smtp.transcript import masked
from django_mailplus.viewer import clean_line

__all__ = [
    "LABEL_WIDTH",
    "answer",
    "error_text",
    "failure",
    "one_line",
    "row",
    "secrets",
]

LABEL_WIDTH = 9  # columns, as in "Remedy   "
_WIDTH = 88  # columns of wrapped text
_SECRET_OPTION = re.compile(r"password|secret|token|key", re.IGNORECASE)
_SHORTEST_SECRET = 3  # characters; to mask shorter ones would garble every text


def answer(reply: RecipientResult | DeliveryResult, *, hide: Sequence[str] = ()) -> str:
    """A server's reply: code, enhanced code and text, as far as there are any."""
    code = "" if reply.code is None else str(reply.code)
    return one_line(
        " ".join(filter(None, (code, reply.enhanced, reply.text))), hide=hide
    )


def error_text(error: BaseException, *, hide: Sequence[str] = ()) -> str:
    """What an exception says, with the replies of a server readable."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        replies = dict.fromkeys(_reply(*reply) for reply in error.recipients.values())
        return one_line("; ".join(replies), hide=hide)
    if isinstance(error, smtplib.SMTPResponseException):
        return one_line(_reply(error.smtp_code, error.smtp_error), hide=hide)
    return one_line(f"{type(error).__name__}: {error}", hide=hide)


def failure(result: DeliveryResult) -> smtplib.SMTPException:
    """What smtplib would have raised, had nobody swallowed it."""
    refused = {
        recipient.address: (
            recipient.code,
            f"{recipient.enhanced} {recipient.text}".strip().encode(),
        )
        for recipient in result.refused
        if recipient.code is not None
    }
    if refused:
        return smtplib.SMTPRecipientsRefused(refused)
    return smtplib.SMTPServerDisconnected(result.text)


def secrets(server: ServerSettings) -> list[str]:
    """Every configured secret, in the forms in which a server could echo it."""
    found = {server.password, email_setting("EMAIL_HOST_PASSWORD")}
    for options in _options_of_mailers():
        found |= {
            value
            for name, value in options.items()
            if isinstance(value, str) and _SECRET_OPTION.search(name)
        }
    forms = []
    for secret in found:
        if isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET:
            for form in (secret, f"\0{server.username}\0{secret}"):
                forms += [
                    form,
                    base64.b64encode(form.encode("utf-8", "replace")).decode(),
                ]
    return forms


def one_line(text: str, *, hide: Sequence[str] = ()) -> str:
    """One line, without secrets and without anything that a terminal would obey."""
    return clean_line(masked(str(text), secrets=hide))


def row(label: str, text: str) -> str:
    """A labelled paragraph."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"  {label:<{LABEL_WIDTH}}",
        subsequent_indent=" " * (LABEL_WIDTH + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _reply(code: int, text: bytes | str) -> str:
    reply = parse_reply(code, text)  # takes the enhanced code off every line but one
    return f"{code} {reply.enhanced} {reply.text}"


def _options_of_mailers() -> list[Mapping[str, Any]]:
    """OPTIONS of every mailer; this also runs when the settings are what is wrong."""
    mailers = mailer_settings()
    entries = mailers.values() if isinstance(mailers, Mapping) else ()
    options = [entry.get("OPTIONS") for entry in entries if isinstance(entry, Mapping)]
    return [option for option in options if isinstance(option, Mapping)]
