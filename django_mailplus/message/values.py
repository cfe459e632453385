"""Python values as JSON that any database takes, and back.

What JSON lacks stands in an object of one key, its tag. Objects of the caller are lists
of pairs, because databases sort the keys of JSON; text that they refuse, which is NUL
and lone surrogates, is base64.
"""

from __future__ import annotations

import email.charset
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime
from email.charset import Charset
from hashlib import sha256
from math import isfinite
from typing import Any

from django.utils.functional import Promise

__all__ = [
    "INLINE_LIMIT",
    "NotCarriedError",
    "decode",
    "decode_content",
    "encode",
    "encode_content",
]

INLINE_LIMIT = 1024
"""Bytes of a content that stands in the document itself."""

_PLAIN = frozenset({str, bool, type(None), int, float})
_SAFE_INTEGER = 2**63  # the largest that no database turns into a float


class NotCarriedError(Exception):
    """This value has no form in JSON; `within` tells where it is."""

    def __init__(self, value: object, reason: str = "", *, where: str = "") -> None:
        self._value = value
        self._reason = reason or f"is or holds a value of {type(value).__qualname__}"
        self._where = where
        super().__init__(f"{where} {self._reason}")

    def within(self, name: str) -> NotCarriedError:
        """The error seen from around an attribute, or from around an "[index]"."""
        dot = "." if self._where and not self._where.startswith("[") else ""
        where = f"{name}{dot}{self._where}"
        return NotCarriedError(self._value, self._reason, where=where)


def encode(value: object) -> Any:
    """The value for JSON; a lazy text as it reads now."""
    kind = type(value)
    if kind is str:
        return _text(value)  # type: ignore[arg-type]
    if kind is list:
        return [encode(item) for item in value]  # type: ignore[attr-defined]
    if value is None or kind is bool:
        return value
    for base, write in _WRITERS:
        if isinstance(value, base):
            return write(value)
    raise NotCarriedError(value)


def decode(value: Any) -> Any:
    """The value again. Raises KeyError, TypeError or ValueError for what is damaged."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [decode(item) for item in value]
    [(tag, content)] = value.items()
    return _READERS[tag](content)


def encode_content(value: object, blobs: dict[str, bytes]) -> Any:
    """Like `encode`, with what is large among the blobs, under its SHA-256."""
    if isinstance(value, bytes | bytearray | memoryview):
        data, tag = bytes(value), "$blob"
    elif isinstance(value, str):
        data, tag = value.encode("utf-8", "surrogatepass"), "$text_blob"
    else:
        return encode(value)
    if len(data) <= INLINE_LIMIT:
        return encode(value)
    digest = sha256(data).hexdigest()
    blobs[digest] = data
    return {tag: digest}


def decode_content(value: Any, blobs: dict[str, bytes]) -> Any:
    """What `encode_content` made of it."""
    if type(value) is dict and "$blob" in value:
        return blobs[value["$blob"]]
    if type(value) is dict and "$text_blob" in value:
        return blobs[value["$text_blob"]].decode("utf-8", "surrogatepass")
    return decode(value)


def _from_base64(content: str) -> bytes:
    return b64decode(content, validate=True)


def _text(value: str) -> Any:
    if "\0" not in value:
        if value.isascii():
            return value
        try:
            value.encode("utf-16-le")  # of the encodings without surrogates the fastest
        except UnicodeEncodeError:
            pass
        else:
            return value
    return {"$text": b64encode(value.encode("utf-8", "surrogatepass")).decode()}


def _same_as(kind: Any, value: Any) -> Any:
    """The value without its class, such as of text marked as safe or of an enum."""
    plain = kind.__str__(value) if kind is str else kind(value)
    if str(value) != str(plain):  # which of the two is sent depends on the field
        raise NotCarriedError(value)
    return plain


def _integer(value: int) -> Any:
    number: int = _same_as(int, value)
    return number if abs(number) < _SAFE_INTEGER else {"$int": hex(number)}


def _float(value: float) -> float:
    if not isfinite(value):
        raise NotCarriedError(value, "is or holds a number that is not finite")
    number: float = _same_as(float, value)
    return number


def _charset(value: Charset) -> dict[str, Any]:
    parts = (
        value.input_charset,
        value.output_charset,
        value.header_encoding,
        value.body_encoding,
    )
    return {"$charset": [encode(part) for part in parts]}


# In order: a lazy text may claim to be of another kind, a datetime is a date.
_WRITERS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Promise, lambda value: encode(str(value))),
    (str, lambda value: _text(_same_as(str, value))),
    (int, _integer),
    (float, _float),
    (bytes | bytearray | memoryview, lambda v: {"$bytes": b64encode(v).decode()}),
    (list, lambda value: [encode(item) for item in value]),
    (tuple, lambda value: {"$tuple": [encode(item) for item in value]}),
    (dict, lambda v: {"$dict": [[encode(k), encode(item)] for k, item in v.items()]}),
    (datetime, lambda value: {"$datetime": value.isoformat()}),
    (date, lambda value: {"$date": value.isoformat()}),
    (Charset, _charset),
)


def _read_charset(content: Any) -> Charset:
    given, output, header_encoding, body_encoding = content
    charset = Charset(given)
    charset.header_encoding = header_encoding
    charset.body_encoding = body_encoding
    charset.output_charset = output
    charset.output_codec = email.charset.CODEC_MAP.get(output, output)
    return charset


_READERS: dict[str, Callable[[Any], Any]] = {
    "$text": lambda content: _from_base64(content).decode("utf-8", "surrogatepass"),
    "$bytes": _from_base64,
    "$int": lambda content: int(content, 16),
    "$tuple": lambda content: tuple(map(decode, content)),
    "$dict": lambda content: {decode(key): decode(item) for key, item in content},
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$charset": _read_charset,
}
