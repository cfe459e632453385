"""Blocks to lines: wrapped, marked, and safe for every mail reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from django_mailplus.templated.plain_text.blocks import Block
from django_mailplus.templated.plain_text.spacing import BREAK, JOIN, has_wide
from django_mailplus.widths import width_of

__all__ = ["lay_out", "wrap"]

# A line that begins so is a quote to RFC 3676, or the next message to an mbox file.
_MISREAD = re.compile(r">|From(?: |$)")
# Narrower than this, one word to a line would be all there is.
_NARROWEST = 20
# Where Chinese and Japanese may break: after any character, unless the next one closes
# something, and never after one that opens something.
_UNIT = re.compile(
    "[\u3008\u300a\u300c\u300e\u3010\u3014\u3016\uff08\uff3b\uff5b]*"
    "(?:[\u2e80-\u3007\u3009-\u9fff\ua000-\ua4cf\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]"
    "|[^\u2e80-\ua4cf\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]+)"
    "[\u3001\u3002\u3005\u3009\u300b\u300d\u300f\u3011\u3015\u3017\u301c\u3041\u3043\u3045\u3047"
    "\u3049\u3063\u3083\u3085\u3087\u308e\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7"
    "\u30ee\u30fb\u30fc\uff01\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3d\uff5d\u0300-\u036f\ufe00-\ufe0f]*"
    "|."
)


def lay_out(blocks: Iterable[Block], width: int) -> str:
    lines: list[str] = []
    above = ""
    for block in blocks:
        if block.gap and lines:
            # A quote goes on through the blank line between two of its paragraphs.
            lines.append(_shared(above, block.rest).rstrip())
        if block.verbatim:
            _add_verbatim(lines, block)
        else:
            _add_wrapped(lines, block, width)
        above = block.rest
    return "\n".join(lines).replace(JOIN, " ")


def _shared(above: str, below: str) -> str:
    """What two lines both begin with."""
    if above == below:
        return above
    pairs = enumerate(zip(above, below, strict=False))
    differs = next((place for place, (one, other) in pairs if one != other), None)
    return min(above, below, key=len)[:differs]


def _add_verbatim(lines: list[str], block: Block) -> None:
    before = block.first
    for line in block.text.split("\n"):
        lines.append(f"{before}{line}".rstrip())
        before = block.rest


def _add_wrapped(lines: list[str], block: Block, width: int) -> None:
    before = block.first
    room = max(width - len(before), _NARROWEST)
    for text in block.lines().split(BREAK):
        fits = len(text) <= room and (text.isascii() or width_of(text) <= room)
        for line in (text,) if fits else wrap(text, room):
            if not before and _MISREAD.match(line):
                line = f" {line}"  # as RFC 3676, section 4.4, has it
            lines.append(f"{before}{line}" if line else before.rstrip())
            before = block.rest


def wrap(text: str, room: int) -> Iterator[str]:
    """Lines of `room` columns; a word that is longer has one to itself."""
    if width_of(text) == len(text):
        return _wrapped_by_length(text, room)
    return _wrapped_by_columns(text, room)


def _wrapped_by_length(text: str, room: int) -> Iterator[str]:
    start, last = 0, len(text) - room
    while start < last:
        end = text.rfind(" ", start, start + room + 1)
        if end < 0:
            end = text.find(" ", start + room)
            if end < 0:
                break
        elif _MISREAD.match(text, end + 1):
            end = _safe_end(text, start, end)
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _safe_end(text: str, start: int, end: int) -> int:
    """Where to end the line instead, lest the next one looks like a quote or a mail."""
    sooner = end
    while (sooner := text.rfind(" ", start, sooner)) > 0:
        if not _MISREAD.match(text, sooner + 1):
            return sooner
    return end


def _wrapped_by_columns(text: str, room: int) -> Iterator[str]:
    line: list[tuple[str, str, int]] = []
    used = 0
    for space, word in _words(text):
        size = width_of(word)
        if line and used + len(space) + size > room:
            kept = _carried(line, word)
            yield _joined(line[: len(line) - kept])
            line = line[len(line) - kept :]
            used = sum(len(between) + taken for between, _, taken in line)
        line.append((space, word, size))
        used += len(space) + size if len(line) > 1 else size
    yield _joined(line)


def _joined(line: list[tuple[str, str, int]]) -> str:
    return "".join(space + word for space, word, _ in line).removeprefix(" ")


def _carried(line: list[tuple[str, str, int]], word: str) -> int:
    """How many words go down with `word`, lest the next line looks like a quote or a mail."""
    if not _MISREAD.match(word):
        return 0
    for count in range(1, len(line)):
        if not _MISREAD.match(line[-count][1]):
            return count
    return 0


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Words that no line is broken in, each with the space that comes before it."""
    for word in text.split(" "):
        if "://" in word or not has_wide(word):
            yield " ", word
            continue
        space = " "
        for unit in _UNIT.findall(word):
            yield space, unit
            space = ""
