"""The shape of the two ways in which a Django writes mail: `legacy` and `modern`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.mail import EmailMessage

from django_mailplus.message.multipart import Piece

__all__ = ["Dialect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between the two; `charset` is the one of the message."""

    fold: Callable[[str, str, str], bytes]
    """Name, value and charset to the lines of a header."""

    content: Callable[[EmailMessage, str], Piece]
    """Bodies and attachments; the head is what comes before the Subject."""

    as_django: Callable[[EmailMessage, str], bytes]
    """Message and policy to what Django's own SMTP backend would send."""

    policies: frozenset[str]
