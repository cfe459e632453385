"""What the outcome of a message tells of the mailer that it went to."""

from __future__ import annotations

import smtplib
from typing import Literal

from django.core.exceptions import ImproperlyConfigured

from django_mailplus.delivery import (
    DeliveryResult,
    classify,
    http_status,
    mark_unsent,
    recipients_in,
    seconds_until_room,
)
from django_mailplus.exceptions import PoolTimeout, UnsupportedMessageError

__all__ = ["Said", "UntriedError", "is_unable", "said"]

_BUSY_STATUS = frozenset({429, 503})  # RFC 6585 section 4, RFC 9110 section 15.6.4


class UntriedError(smtplib.SMTPServerDisconnected):
    """Of a message in a batch that ended before it: nothing is known of the mailer."""

    def __init__(self) -> None:
        super().__init__("The batch ended before it")
        mark_unsent(self)


def is_unable(error: Exception | None) -> bool:
    """It cannot send this one; nothing is said of others that can."""
    return isinstance(error, UnsupportedMessageError)


Said = Literal[
    "taken",
    "refused",
    "kept back",
    "mistake",
    "unable",
    "untried",
    "down",
    "busy",
    "unknown",
]


def said(result: DeliveryResult | None, error: Exception | None) -> Said:
    """What an outcome tells of the mailer."""
    if error is None and result is not None and _kinds(result) == {"suppressed"}:
        return "kept back"
    if error is None or (result is not None and result.accepted):
        return "taken"
    if isinstance(error, ImproperlyConfigured):
        return "mistake"
    if is_unable(error):
        return "unable"
    if (
        isinstance(error, UntriedError | PoolTimeout)
        or seconds_until_room(error) is not None
    ):
        return "untried"
    if http_status(error) in _BUSY_STATUS:
        return "busy"
    if classify(error) == "mailer":
        return "down"
    kinds = _kinds(result, error)
    if "unknown" in kinds:
        return "unknown"
    return "busy" if kinds == {"transient"} else "refused"


def _kinds(result: DeliveryResult | None, error: Exception | None = None) -> set[str]:
    if result is None:
        return {r.kind for r in recipients_in(error)} if error else set()
    return {recipient.kind for recipient in result.recipients}
