"""What a mail says, or as much of it as people read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django_mailplus.viewer.cleaning import clean_text
from django_mailplus.viewer.decoding import decode
from django_mailplus.viewer.mime import Part, charset, payload

__all__ = ["LONGEST_SHOWN", "MOST_SHOWN", "Body", "read_body"]

LONGEST_SHOWN = 500_000
"""Bytes of a text, of HTML or of a source that a page shows: five times what Gmail does."""

MOST_SHOWN = 200
"""Headers, links, attachments or parts that a page shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Text, free of control characters, and how many bytes of it are left out."""

    text: str
    left_out: int


def read_body(leaves: Iterable[Part], kind: str, longest: int | None) -> Body | None:
    """The parts of a type that are no attachments, one below the other; None if there is none.

    With `longest` their first bytes, decoded.
    """
    texts: list[str] = []
    left_out = 0
    for part in leaves:
        if part.kind != kind or not part.is_body:
            continue
        data = payload(part, longest)
        if longest is not None:
            longest -= len(data)
        missing = 0 if longest is None or longest > 0 else part.size - len(data)
        if data or not missing:
            text = decode(data, charset(part), is_cut=missing > 0)
            texts.append(clean_text(text))
        left_out += missing
    return Body(text="\n".join(texts), left_out=left_out) if texts else None
