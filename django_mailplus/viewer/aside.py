"""Long contents are put aside while a message is parsed.

The email package goes through a message line by line, and needs ten times its room. Of a
large one it is given the headers and the beginning of each part; the rest stays where it
is, with a mark in its place, and is put back into what is read of a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice, pairwise
from secrets import token_hex

__all__ = ["Aside"]

_SMALL = 500_000  # bytes of a message that is parsed as it is
_PARSED = 4_000_000  # bytes of a larger one that are parsed, at most
_FIRST = 256_000  # of these for the headers of the message
_BEGINNING = 64_000  # for each part: its headers, and those of a message in it
_SHORT = 200  # not worth a mark
_MOST = 20_000  # lines that could begin a part
_BOUNDARY = re.compile(rb'boundary="?([^"\s;]{1,70})', re.IGNORECASE)
_MOST_BOUNDARIES = 20


class Aside:
    """What the parser need not see of a message; `skeleton` is what it sees."""

    def __init__(self, raw: bytes) -> None:
        self.size = len(raw)
        self._raw = memoryview(raw)
        self._places: list[slice] = []
        self.mark = token_hex(16)  # nobody can write a mark into a mail
        self._mark = f"\n{self.mark}:%d\n".encode()
        # Within headers it is one, which the email package writes with a space; in a
        # delivery report it may be a block of its own.
        self._marks = re.compile(rf"\n?{self.mark}: ?(\d+)\n?".encode())
        self.skeleton = raw if len(raw) <= _SMALL else b"".join(self._pieces(raw))

    def _pieces(self, raw: bytes) -> Iterator[bytes]:
        begins = [0, *_begins(raw)]
        longest = min(_BEGINNING, _PARSED // len(begins))
        for begin, end in pairwise([*begins, len(raw)]):
            # The end of the last line belongs to the boundary that follows.
            last = end - 2
            beginning = raw[begin : begin + (longest if begin else _FIRST)]
            if last - begin - len(beginning) < _SHORT:
                yield raw[begin:end]
                continue
            beginning = _without_broken_line(beginning)
            kept = begin + len(beginning)
            empty = _empty_line(raw, kept, last)
            content = min(empty + 3, last)
            yield beginning + self._put_aside(kept, empty)
            yield raw[empty:content] + self._put_aside(content, last) + raw[last:end]

    def _put_aside(self, begin: int, end: int) -> bytes:
        if begin >= end:
            return b""
        self._places.append(slice(begin, end))
        return self._mark % (len(self._places) - 1)

    @property
    def is_empty(self) -> bool:
        return not self._places

    def put_back(self, piece: bytes, longest: int | None = None) -> bytes:
        """A piece of the skeleton as it was written, or the first bytes of that."""
        found = self._marks.split(piece)
        room = len(piece) + self.size if longest is None else longest
        whole: list[bytes | memoryview] = []
        for place, each in enumerate(found):
            stood = self._raw[self._places[int(each)]] if place % 2 else each
            whole.append(stood[:room])
            room -= len(whole[-1])
        return b"".join(whole)


def _begins(raw: bytes) -> list[int]:
    """Where parts may begin: in lines with two hyphens in front (RFC 2046 section 5.1.1).

    If a text has too many of them, then with a boundary that the message declares.
    """
    begins = [*_lines(raw, b"--", _MOST + 1)]
    if len(begins) <= _MOST:
        return sorted(begins)
    declared = {found[1] for found in islice(_BOUNDARY.finditer(raw), _MOST_BOUNDARIES)}
    most = _MOST // max(len(declared), 1)
    return sorted(
        {begin for name in declared for begin in _lines(raw, b"--" + name, most)}
    )


def _lines(raw: bytes, beginning: bytes, most: int) -> Iterator[int]:
    """Where lines begin so; to the email package a line ends with either character."""
    return islice(
        chain.from_iterable(_after(raw, end, beginning) for end in (b"\n", b"\r")), most
    )


def _after(raw: bytes, end: bytes, beginning: bytes) -> Iterator[int]:
    place = 0
    while place := raw.find(end + beginning, place) + 1:
        yield place


def _without_broken_line(beginning: bytes) -> bytes:
    """An empty line, or one that is no header, would end headers that go on."""
    line = beginning.splitlines()[-1]
    if b":" not in line and not line[:1].isspace():
        beginning = beginning[: beginning.rindex(line)] or beginning
    return beginning.rstrip(b"\r\n") or beginning


def _empty_line(raw: bytes, begin: int, end: int) -> int:
    """Where the next one begins; the end if there is none."""
    for lines in (b"\n\r\n", b"\n\n", b"\r\r"):
        found = raw.find(lines, begin, end)
        end = found + 1 if found >= 0 else end
    return end
