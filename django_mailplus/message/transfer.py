"""Content transfer encodings (RFC 2045) at the speed of C, with the lines `email` makes.

`email.quoprimime` looks at every character in Python; here only lines that are too long
or end in white space are looked at.
"""

from __future__ import annotations

import binascii
import functools
import re

__all__ = ["base64_lines", "crlf", "longest_quoted_printable", "quoted_printable"]

_BASE64_LINE = 76  # characters, the most that RFC 2045 section 6.8 allows
_SOFT_BREAK = b"=\n"
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n"
_UNESCAPED = _PLAIN.replace(b"=", b"")
_WHITE_SPACE = frozenset([b" ", b"\t"])


def crlf(data: bytes) -> bytes:
    """The same lines, each ended by CRLF that was ended by CR, LF or CRLF."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.replace(b"\n", b"\r\n")


def base64_lines(data: bytes, *, last_line_ends: bool = True) -> bytes:
    encoded = binascii.b2a_base64(data, newline=False)
    lines = [
        encoded[start : start + _BASE64_LINE]
        for start in range(0, len(encoded), _BASE64_LINE)
    ]
    if lines and last_line_ends:
        lines.append(b"")
    return b"\r\n".join(lines)


def quoted_printable(lines: list[bytes], width: int, *, last_line_ends: bool) -> bytes:
    """Lines ended by LF, of at most `width` characters each."""
    text = _escaped(b"\n".join(lines))
    if _WHITE_SPACE.isdisjoint({line[-1:] for line in lines}):
        text = b"=\n".join(_pieces(width).findall(text))
        return text + b"\n" if last_line_ends else text
    escaped = text.split(b"\n")
    for index, line in enumerate(escaped):
        if len(line) > width or line[-1:] in b" \t":  # also an empty one, unchanged
            escaped[index] = _wrapped(line, width)
    if last_line_ends:
        escaped.append(b"")
    return b"\n".join(escaped)


def longest_quoted_printable(lines: list[bytes], width: int) -> int:
    """At most so many characters are in `quoted_printable`, at a fraction of its cost."""
    text = b"\n".join(lines) + b"\n"
    escaped = len(text) + 2 * len(text.translate(None, _UNESCAPED))
    white_space_at_ends = 4 * len(lines)  # each may become a soft break and an escape
    return escaped + white_space_at_ends + escaped // (width - 3) * len(_SOFT_BREAK)


@functools.cache
def _pieces(width: int) -> re.Pattern[bytes]:
    """What stands between soft breaks: short lines, then as much as fits of a long one.

    A line of more than `width` characters is long. An escape is never torn apart; one
    that would be moves to the next line. What was matched is not looked at twice.
    """
    most = width - 1
    cut = rb"(?:.{%d}(?<!=)(?<!=.)(?=..)|.{%d}(?<!=)(?<!=.)(?=.{3})|.{%d}(?=.{4}))" % (
        most,
        most - 1,
        most - 2,
    )
    short = rb".{0,%d}+" % width
    return re.compile(rb"%b|(?:%b\n)++(?:%b|%b\Z)|.+\Z" % (cut, short, cut, short))


def _escaped(text: bytes) -> bytes:
    """Octets that RFC 2045 section 6.7 wants as =XX; lines keep their length.

    The soft breaks of `binascii` go again, and so do its escapes of a newline and of
    a lone dot: it writes every equals sign as =3D, so these cannot be anything else.
    The last character is one that is never escaped.
    """
    if not text.translate(None, _PLAIN):
        return text.replace(b"=", b"=3D")
    encoded = binascii.b2a_qp(text + b"x", istext=False)[:-1]
    encoded = encoded.replace(_SOFT_BREAK, b"").replace(b"=0A", b"\n")
    return encoded.replace(b"=2E", b".")


def _wrapped(line: bytes, width: int) -> bytes:
    pieces = []
    start, last_start = 0, len(line) - 1 - width
    while start <= last_start:
        stop = start + width - 1
        # An escape is never torn apart; one that would be moves to the next line.
        if line[stop - 2 : stop - 1] == b"=":
            stop -= 2
        elif line[stop - 1 : stop] == b"=":
            stop -= 1
        pieces.append(line[start:stop] + b"=")
        start = stop
    end = line[-1:]
    if not end or end not in b" \t":
        return b"\n".join([*pieces, line[start:]])
    room = start - last_start
    if room >= 3:
        end = b"=%02X" % ord(end)
    elif room == 2:
        end += _SOFT_BREAK
    else:
        end = _SOFT_BREAK + b"=%02X" % ord(end)
    return b"\n".join([*pieces, line[start:-1] + end])
