"""Spaces as HTML means them."""

from __future__ import annotations

import re

__all__ = ["BREAK", "JOIN", "has_wide", "tidy", "visible"]

# Between reading and layout two control characters stand for what HTML can say and a
# space or a newline cannot. None comes from a document: `markup` takes all of them out.
BREAK = "\x01"
"""The end of a line, from `br`."""
JOIN = "\x00"
"""A space at which no line may end."""

_SPECIAL = re.compile(
    "[\u00a0\u00ad\u034f\u061c\u180e\u2007\u200b-\u200d\u202f\u2060\ufeff]"
)
# Soft hyphens, zero-width spaces and such: preheaders are filled up with them.
_FILLER = re.compile("[\u00ad\u034f\u180e\u200b\u2060\ufeff]+")
_NO_BREAK_SPACE = re.compile("[\u00a0\u2007\u202f]+")

# Joiners are spelling in Persian and in the scripts of India, and hold emoji together;
# one alone between two such characters is kept. All others are filler.
_JOINED = "[\u0300-\u1fff\u2190-\u2bff\u2e80-\u2fff\u3001-\ud7ff\uf900-\ufefc\U00010000-\U0010ffff]"
_STRAY_JOINER = re.compile(
    f"(?<!{_JOINED})[\u200c\u200d]+|[\u200c\u200d]+(?!{_JOINED})"
)
_JOIN_RUN = re.compile(f"[ {JOIN}]*{JOIN}[ {JOIN}]*")
_MANY_BREAKS = re.compile(f"{BREAK}{{3,}}")


def tidy(text: str) -> str:
    """Spaces in one, filler gone, none at the edges of a line; at most one empty line."""
    text = visible(text)
    if BREAK not in text:
        return _tidy_line(text)
    lines = [_tidy_line(line) for line in text.split(BREAK)]
    return _MANY_BREAKS.sub(BREAK * 2, BREAK.join(lines))


def visible(text: str) -> str:
    """Without filler, and with `JOIN` for spaces that do not break."""
    if not text.isascii() and _SPECIAL.search(text):
        text = _FILLER.sub("", text)
        text = _STRAY_JOINER.sub("", text)
        text = _NO_BREAK_SPACE.sub(JOIN, text)
    return text


def _tidy_line(line: str) -> str:
    line = " ".join(line.split())
    if JOIN in line:
        line = _JOIN_RUN.sub(_one_space, line).strip(f" {JOIN}")
    return line


def _one_space(run: re.Match[str]) -> str:
    return " " if " " in run[0] else JOIN


# Hangul comes with spaces between its words; Han and Kana come without.
_WIDE = re.compile(
    "[\u2e80-\u303f\u3041-\u4dbf\u4e00-\ua4cf\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]"
)


def has_wide(text: str) -> bool:
    """Whether a line of `text` may end where there is no space."""
    return not text.isascii() and _WIDE.search(text) is not None
