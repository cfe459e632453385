"""Parts that the caller built with Python's `email`: inline images, signed mail."""

from __future__ import annotations

import re
from email.generator import BytesGenerator
from email.headerregistry import BaseHeader
from email.message import EmailMessage, Message, MIMEPart
from email.mime.application import MIMEApplication
from email.mime.audio import MIMEAudio
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.text import MIMEText
from email.policy import Policy
from functools import lru_cache
from io import BytesIO
from typing import Any

from django_mailplus.message.memory import ATTACHMENTS, Memory
from django_mailplus.message.multipart import Piece
from django_mailplus.message.transfer import crlf

__all__ = ["GivenParts", "flattened", "head_of", "is_leaf"]

# A subclass may write itself in its own way.
_LEAVES = frozenset(
    {
        MIMEPart,
        EmailMessage,
        MIMEBase,
        MIMEApplication,
        MIMEAudio,
        MIMEImage,
        MIMEText,
    }
)
_ONE_PAYLOAD = re.compile(r"(?:application|audio|font|image|model|text|video)/", re.I)
_OBJECT_SIZE = 4_000  # bytes, about, of a parsed header
_PARSED_HEADERS = 2_000_000  # bytes
_REMEMBERED_LENGTH = 400  # characters of a header, of which 256 are kept as text


def flattened(part: Message[Any, Any], policy: Policy[Any]) -> bytes:
    """What Python writes for a part inside of a message of this policy."""
    buffer = BytesIO()
    BytesGenerator(buffer, mangle_from_=False, policy=policy).flatten(part)
    return buffer.getvalue()


def head_of(part: Message[Any, Any], policy: Policy[Any]) -> bytes:
    """The header lines of a part, without the empty one."""
    return flattened(part, policy).partition(b"\r\n\r\n")[0] + b"\r\n"


class GivenParts:
    """Writes them under one policy. A part of one payload needs no generator."""

    def __init__(self, policy: Policy[Any]) -> None:
        self._policy = policy
        # A parsed header is kept by identity: its text does not tell how it is written.
        self._parsed: Memory[tuple[object, bytes]] = Memory(_PARSED_HEADERS)
        self._source_line = lru_cache(maxsize=256)(self._folded)

    def piece(self, part: Message[Any, Any]) -> Piece:
        if type(part) in _LEAVES:
            payload: object = part.get_payload()
            headers = list(part.raw_items())
            if type(payload) is str and payload.isascii() and is_leaf(headers):
                head = b"".join([self._line(name, value) for name, value in headers])
                body = ATTACHMENTS.recall(
                    ("given", payload), lambda: crlf(payload.encode())
                )
                return Piece(head, [b"\r\n", body], [body])
        return self.written(part)

    def written(self, part: Message[Any, Any]) -> Piece:
        """A part as Python's generator writes it, which may give it a boundary."""
        data = flattened(part, self._policy)
        return Piece(b"", [data], [data])

    def _line(self, name: str, value: object) -> bytes:
        if type(value) is str:
            if len(name) + len(value) > _REMEMBERED_LENGTH:
                return self._folded(name, value)
            return self._source_line(name, value)
        kept = self._parsed.get(id(value))
        if kept is not None and kept[0] is value:
            return kept[1]
        line = self._folded(name, value)
        self._parsed.put(id(value), (value, line), len(line) + _OBJECT_SIZE)
        return line

    def _folded(self, name: str, value: object) -> bytes:
        holder = Message(self._policy)
        holder.set_raw(name, value)  # type: ignore[arg-type]  # or a parsed header
        return flattened(holder, self._policy)[: -len(b"\r\n")]


def is_leaf(headers: list[tuple[str, object]]) -> bool:
    """Whether the generator would write the payload as it is, after known headers."""
    if not all(
        type(value) is str or isinstance(value, BaseHeader) for _, value in headers
    ):
        return False
    types = [str(value) for name, value in headers if name.lower() == "content-type"]
    # Without one the type is the default of the part, which may be message/rfc822.
    return len(types) == 1 and _ONE_PAYLOAD.match(types[0]) is not None
