"""Attachments that were built with Python's `email`, and back.

They are kept as the bytes that stand in the mail, so that each Django reads them into
the class that it attaches.
"""

from __future__ import annotations

import copy
import email.policy
from email.errors import MessageError
from email.message import Message, MIMEPart
from email.mime.base import MIMEBase
from email.parser import BytesParser
from hashlib import sha256
from typing import Any

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message.given import flattened, is_leaf
from django_mailplus.message.values import NotCarriedError, encode_content

__all__ = [
    "encode_part",
    "is_part",
    "read_message",
    "read_part",
]

_WRITTEN = (
    email.policy.SMTP if MODERN_MIME else email.policy.compat32.clone(linesep="\r\n")
)
_READ = email.policy.default if MODERN_MIME else email.policy.compat32
_WRITING_ERRORS = (
    AttributeError,
    LookupError,
    MessageError,
    RecursionError,
    TypeError,
    ValueError,
)
_BLANK_LINE = b"\r\n\r\n"


def is_part(attachment: object) -> bool:
    """Whether Django attaches it as it is."""
    return isinstance(attachment, MIMEPart | MIMEBase)


def encode_part(part: Message[Any, Any], blobs: dict[str, bytes]) -> Any:
    """A part, or a message as Python has them, as what it is written."""
    try:
        data = flattened(_with_boundaries(part), _WRITTEN)
    except _WRITING_ERRORS as error:
        reason = f"cannot be written: Python's email raises {type(error).__name__}"
        raise NotCarriedError(part, reason) from None
    return encode_content(data, blobs)


def _with_boundaries(part: Message[Any, Any]) -> Message[Any, Any]:
    """A part that stays as it is when it is written.

    Python would put a random boundary on the caller's own object. One made from what it
    bounds is in none of it, and the same content has the same SHA-256 in every message.
    """
    if not part.is_multipart():
        return part
    part = copy.deepcopy(part)
    for inner in reversed(list(part.walk())):
        if _lacks_boundary(inner):
            parts = [flattened(one, _WRITTEN) for one in inner.get_payload()]
            digest = sha256(b"".join(parts)).digest()
            number = int.from_bytes(digest[:8]) >> 1  # 63 bits, like Python's own
            inner.set_boundary(f"{'=' * 15}{number:019}==")
    return part


def _lacks_boundary(part: Message[Any, Any]) -> bool:
    return (
        part.get_content_maintype() == "multipart"
        and part.is_multipart()
        and part.get_boundary() is None
    )


def read_part(data: bytes) -> Message[Any, Any]:
    """The class that this Django attaches."""
    head, _, body = data.partition(_BLANK_LINE)
    part = _parsed(head + _BLANK_LINE, headersonly=True)
    if data.startswith(b"\r\n") or part.get_payload():  # not all of it is headers
        return _parsed(data)
    if not is_leaf(list(part.raw_items())):
        whole = _parsed(data)
        if _written_as(whole, data):
            return whole
    # Python writes a text as it stands, even where it would put parts: such a body says
    # the same, which of parsed parts not all do. And to parse is slow.
    part.set_payload(body.decode("ascii", "surrogateescape"))
    return part


def _written_as(part: Message[Any, Any], data: bytes) -> bool:
    try:
        return flattened(part, _WRITTEN) == data
    except _WRITING_ERRORS:
        return False


def _parsed(data: bytes, *, headersonly: bool = False) -> Message[Any, Any]:
    parser: Any = BytesParser(_new_part, policy=_READ)
    part: Message[Any, Any] = parser.parsebytes(data, headersonly)
    return part


def _new_part(policy: Any = _READ) -> Message[Any, Any]:
    if MODERN_MIME:
        return MIMEPart(policy)
    part = MIMEBase.__new__(MIMEBase)  # which would set headers of its own
    Message.__init__(part, policy)
    return part


def read_message(data: bytes) -> Message[Any, Any]:
    """The content of an attached message/rfc822."""
    message: Message[Any, Any] = email.message_from_bytes(data, policy=_READ)
    return message
