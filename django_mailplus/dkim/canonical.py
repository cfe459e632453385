"""What stays the same of a message on its way: its relaxed form (RFC 6376 section 3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["fields_of", "relaxed_body", "relaxed_field", "split"]

_LINE_ENDS = re.compile(rb"\r\n|\n|\r")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r]|\r\n[ \t]|\r(?!\n))*)\r\n")
_SPACE = re.compile(rb"[ \t]+")


def split(message: bytes) -> tuple[bytes, bytes]:
    """Header, with the end of its last line, and body; both with CRLF."""
    data = message
    if data.count(b"\n") != data.count(b"\r\n") or data.count(b"\r") != data.count(
        b"\r\n"
    ):
        data = _LINE_ENDS.sub(b"\r\n", data)
    if data.startswith(b"\r\n"):
        return b"", data[2:]
    head, end, body = data.partition(b"\r\n\r\n")
    return (head + b"\r\n" if end or not head.endswith(b"\r\n") else head), body


def fields_of(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names in small letters, and values as they are."""
    for field in _FIELD.finditer(head):
        yield field[1].lower(), field[2]


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """Section 3.4.2; without the end of the line."""
    unfolded = value.replace(b"\r\n", b"")
    return name + b":" + _SPACE.sub(b" ", unfolded).strip(b" ")


def relaxed_body(body: bytes) -> bytes:
    """Section 3.4.4, of what `split` gives. An empty body stays empty."""
    body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")  # each time half as many
    # No expression: one takes time by the square of how many spaces or lines follow.
    body = body.replace(b" \r\n", b"\r\n").removesuffix(b" ").rstrip(b"\r\n")
    return body + b"\r\n" if body else b""
