"""One mail as it arrived, apart from what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["ReceivedMail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """The envelope, the bytes and the way they came; addresses and body stay out of its repr.

    `mail_from` is empty for the null sender of bounces. `raw` holds the bytes of DATA,
    lines ending in CRLF. `number` counts the mails of one server from 1.
    """

    number: int
    received_at: datetime
    mail_from: str = field(repr=False)
    rcpt_to: tuple[str, ...] = field(repr=False)
    raw: bytes = field(repr=False)
    peer: str
    username: str | None = field(default=None, repr=False)
    tls: bool = False
