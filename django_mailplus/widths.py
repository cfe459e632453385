"""How many columns a text takes in a terminal, or in a font of one width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["width_of", "widths"]

# Outside of these ranges of letters and signs, all of which take one column.
_UNUSUAL = re.compile(
    "[^\x00-\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e"
    "\u2070-\u20bf\u2100-\u214f\u2190-\u21ff]"
)


def width_of(text: str) -> int:
    """In columns: the sum of `widths`."""
    if text.isascii() or not _UNUSUAL.search(text):
        return len(text)
    return sum(widths(text))


def widths(text: str) -> Iterator[int]:
    """Of each character, in columns, where it stands.

    Two for what Unicode calls wide (UAX #11) and none for accents that combine; what a
    joiner ties to an emoji, or colours its skin, stands in its place.
    """
    joined = False
    for character in text:
        if character > "\u02ff":
            yield 0 if joined else _width(character)
            joined = character == "\u200d"
        else:
            yield 1
            joined = False


def _width(character: str) -> int:
    if "\U0001f3fb" <= character <= "\U0001f3ff":  # skin tones
        return 0
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
