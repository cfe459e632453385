"""SMTP replies: codes, enhanced codes and what they mean for a retry."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Kind", "Reply", "parse_reply"]

Kind = Literal["accepted", "transient", "permanent", "unknown"]

# RFC 3463 section 2: class.subject.detail, at the start of each line of the text.
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)", re.MULTILINE)
_TEXT_LIMIT = 2_000  # characters; a reply is stored beside each recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply of a server, RFC 5321 section 4.2."""

    code: int
    enhanced: str = ""
    text: str = field(default="", repr=False)  # may name a recipient

    @property
    def kind(self) -> Kind:
        """2yz accepted, 4yz transient, 5yz permanent; anything else is unknown."""
        return _KIND_OF_CLASS.get(self.code // 100, "unknown")


_KIND_OF_CLASS: dict[int, Kind] = {2: "accepted", 4: "transient", 5: "permanent"}


def parse_reply(code: int, text: bytes | str) -> Reply:
    """The reply from what `smtplib` hands out: a code and the joined lines.

    The enhanced code is taken off every line; what cannot be decoded is replaced.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    found = _ENHANCED.match(text)
    return Reply(
        code=code,
        enhanced=found[1] if found else "",
        text=_ENHANCED.sub("", text)[:_TEXT_LIMIT].strip(),
    )
