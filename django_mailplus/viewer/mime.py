"""The parts of a message as the email package reads them; none of it raises."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import copy
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

from django_mailplus.viewer.aside import Aside
from django_mailplus.viewer.cleaning import clean_line
from django_mailplus.viewer.decoding import header_text

__all__ = [
    "Parsed",
    "Part",
    "charset",
    "children",
    "content",
    "guarded",
    "parse",
    "payload",
]

_WITH_PARAMETERS = frozenset({"content-type", "content-disposition"})
_LONGEST_PARAMETERS = 10_000  # characters; a file name has hundreds

T = TypeVar("T")
if TYPE_CHECKING:  # generic for type checkers only
    _Message: TypeAlias = Message[str, str]
else:
    _Message = Message


class Part(_Message):
    """A part that knows what was put aside of the message; what it is, is found out once."""

    def __init__(self, policy: Any, aside: Aside) -> None:
        super().__init__(policy)
        self.aside = aside

    @cached_property
    def kind(self) -> str:
        """Its content type."""
        return clean_line(guarded(self.get_content_type, "application/octet-stream"))

    @cached_property
    def filename(self) -> str:
        name = guarded(self.get_filename, None)
        return header_text(name) if isinstance(name, str) else ""

    @cached_property
    def disposition(self) -> str:
        return clean_line(guarded(self.get_content_disposition, None) or "")

    @cached_property
    def is_body(self) -> bool:
        if self.kind not in ("text/plain", "text/html"):
            return False
        return self.disposition != "attachment" and not self.filename

    @cached_property
    def size(self) -> int:
        """Decoded bytes."""
        return len(content(self))


class Parsed(NamedTuple):
    """A message that is parsed once, for all who look at it."""

    message: Part
    leaves: list[Part]

    @property
    def size(self) -> int:
        """Bytes of the whole message."""
        return self.message.aside.size


class _RawHeaders(Compat32):
    """Headers as they were sent; the default turns those with raw bytes into U+FFFD.

    But of those with parameters the beginning: the email package reads a parameter in as
    many steps as there are.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        has_parameters = name.lower() in _WITH_PARAMETERS
        return name, value[:_LONGEST_PARAMETERS] if has_parameters else value

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


_POLICY = _RawHeaders()


def parse(mail: bytes | Parsed) -> Parsed:
    """The message and its leaves; a structure too deep to parse is read as plain text."""
    if isinstance(mail, Parsed):
        return mail
    aside = Aside(mail)
    try:
        message = _parsed(aside.skeleton, aside)
        del message[aside.mark]
        return Parsed(message, list(_leaves(message)))
    except RecursionError:
        head, _, body = aside.skeleton.replace(b"\r\n", b"\n").partition(b"\n\n")
        plain = Part(_POLICY, aside)
        plain.set_payload(body.decode("ascii", "surrogateescape"))
        return Parsed(_parsed(head, aside), [plain])


def _parsed(source: bytes, aside: Aside) -> Part:
    factory: Any = partial(Part, aside=aside)
    return cast("Part", message_from_bytes(source, factory, policy=_POLICY))


def _leaves(message: Part) -> Iterator[Part]:
    """The parts that hold content, in order; an attached message is one of them."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.is_multipart() and not part.kind.startswith("message/"):
            waiting += reversed(children(part))
        else:
            yield part


def children(part: Part) -> list[Part]:
    parts = part.get_payload() if part.is_multipart() else []
    return [child for child in parts if isinstance(child, Part)]


def guarded(read: Callable[[], T], otherwise: T) -> T:
    """What the email package makes of a parameter or a body; it raises on some broken ones."""
    try:
        return read()
    # Many kinds, differing by Python version; RecursionError among them.
    except Exception:
        return otherwise


def charset(part: Part) -> str:
    return guarded(part.get_content_charset, None) or "utf-8"


def payload(part: Part, longest: int | None = None) -> bytes:
    """The decoded bytes of a leaf, or the first of them; as they were sent where their encoding is broken."""
    if part.aside.is_empty:
        return _decoded_by_email(part)[:longest]
    written = _decoded_by_email(_without(part, "content-transfer-encoding"))
    # A byte takes three in quoted-printable, and fewer in all other encodings.
    source = part.aside.put_back(written, None if longest is None else 3 * longest)
    return _decoded(_encoding(part), source)[:longest]


def _decoded_by_email(part: Part) -> bytes:
    """Without its type where the email package fails on some charset there."""
    for each in (part, _without(part, "content-type")):
        data: object = guarded(partial(each.get_payload, decode=True), None)
        if isinstance(data, bytes):
            return data
    return b""


def _without(part: Part, header: str) -> Part:
    bare = copy(part)
    del bare[header]
    return bare


def _encoding(part: Part) -> str:
    told = guarded(lambda: part.get("content-transfer-encoding"), None)
    return told.strip().lower() if isinstance(told, str) else ""


def _decoded(encoding: str, data: bytes) -> bytes:
    """As the email package does it, but without its lists of lines."""
    if encoding == "quoted-printable":
        return a2b_qp(data)
    if encoding == "base64":
        data = data.rstrip()
        for attempt in (data, data + b"==", data[:-1]):  # without padding; cut
            with suppress(Base64Error):
                return a2b_base64(attempt)
    return data


def content(part: Part) -> bytes:
    """An attached message or delivery report is a leaf to us, but parsed into messages."""
    messages = children(part)
    if not messages:
        return payload(part)
    written = b"".join(guarded(message.as_bytes, b"") for message in messages)
    if part.aside.is_empty:
        return written
    whole = part.aside.put_back(written)
    # As the email package ends the lines that it writes.
    return whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
