"""Parts to a multipart body (RFC 2046 section 5.1), as `email.generator` writes it."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import dataclass, field

__all__ = ["NotPlainError", "Piece", "multipart", "split_at_boundary"]

_DIGITS = len(repr(sys.maxsize - 1))
_BOUNDARY = re.compile(rb"={15}\d{%d}==" % _DIGITS)


class NotPlainError(Exception):
    """Something that is left to Django, which knows what to do or what to raise."""


@dataclass(frozen=True, slots=True)  # by position: one is made per part and message
class Piece:
    """A part in chunks: header lines, then the empty line and what follows it.

    `texts` are the chunks that a boundary could occur in by chance.
    """

    head: bytes
    body: list[bytes]
    texts: list[bytes] = field(default_factory=list)


def split_at_boundary(head: bytes) -> tuple[bytes, bytes]:
    """What comes before and after the boundary of a header that `email` wrote."""
    [boundary] = _BOUNDARY.findall(head)
    before, after = head.split(boundary)
    return before, after


def multipart(head: tuple[bytes, bytes], pieces: list[Piece]) -> Piece:
    """One part that holds others. `head` is what surrounds the boundary in its header."""
    texts = [text for piece in pieces for text in piece.texts]
    boundary = _unused_boundary(texts)
    body = [b"\r\n"]
    delimiter = b"--%b\r\n" % boundary
    for piece in pieces:
        body += (delimiter, piece.head)
        body += piece.body
        delimiter = b"\r\n--%b\r\n" % boundary
    body.append(b"\r\n--%b--\r\n" % boundary)
    return Piece(head[0] + boundary + head[1], body, texts)


def _unused_boundary(texts: list[bytes]) -> bytes:
    """One that is in none of the texts: Python's own check overlooks CRLF lines."""
    while True:
        token = random.randrange(sys.maxsize)  # noqa: S311  # no secret
        boundary = b"=" * 15 + b"%0*d" % (_DIGITS, token) + b"=="
        if not any(boundary in text for text in texts):
            return boundary
