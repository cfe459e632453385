"""Mail as Django writes it since 6.0: with Python's `email.message.EmailMessage`."""

from __future__ import annotations

import binascii
import email.message
import email.policy
from email.headerregistry import AddressHeader, HeaderRegistry
from email.mime.base import MIMEBase
from functools import cache, lru_cache
from typing import Any, cast

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import DEFAULT_ATTACHMENT_MIME_TYPE

from django_mailplus.message.attached import (
    BINARY_TYPE,
    CONTENTS,
    SUBTYPE,
    TEXT_TYPE,
    base64,
    triple,
    with_filename,
)
from django_mailplus.message.dialect import Dialect
from django_mailplus.message.folding import direct_line, folding
from django_mailplus.message.given import GivenParts, flattened, head_of
from django_mailplus.message.headers import items, text
from django_mailplus.message.memory import TEXTS
from django_mailplus.message.multipart import (
    NotPlainError,
    Piece,
    multipart,
    split_at_boundary,
)
from django_mailplus.message.related import beside_html, new_related, parted
from django_mailplus.message.transfer import (
    base64_lines,
    crlf,
    longest_quoted_printable,
    quoted_printable,
)

__all__ = ["DIALECT"]

_POLICY = email.policy.SMTP
_WIDTH = 78  # characters, of _POLICY; its quoted-printable is that wide, too
_SNIFFED_LINES = 10  # by which Python chooses between quoted-printable and base64
_Q_BIAS = 5  # characters by which Python lets Q be longer than B

_VERSION = b"MIME-Version: 1.0\r\n"
_GIVEN = GivenParts(_POLICY)
# For a method that only looks at its argument.
_BLANK = EmailMessage.__new__(EmailMessage)


def as_django(message: EmailMessage, policy: str) -> bytes:
    # Looked up where Django does, for a project that puts a policy of its own there.
    own = getattr(email.policy, policy.upper())
    return bytes(message.message(policy=own).as_bytes())


# Headers


@lru_cache(maxsize=256)
def _kind(name: str) -> type | None:
    """How Python parses a header: None as any words."""
    registry = cast(HeaderRegistry, _POLICY.header_factory).registry
    lower = name.lower()
    return None if lower == "subject" else registry.get(lower)


def _direct(name: str, value: str, charset: str) -> bytes | None:
    kind = _kind(name)
    if kind is not None and not issubclass(kind, AddressHeader):
        return None
    return direct_line(
        name, value, structured=kind is not None, whole=False, q_bias=_Q_BIAS
    )


def _parsed(name: str, value: str, charset: str) -> bytes:
    holder = email.message.EmailMessage(policy=_POLICY)
    holder[name] = value
    EmailMessage._idna_encode_address_header_domains(_BLANK, holder)  # type: ignore[attr-defined]  # private to Django
    return flattened(holder, _POLICY)[: -len(b"\r\n")]


# Bodies


def content(message: EmailMessage, charset: str) -> Piece:
    # Django refuses these attributes, which it had before 6.0.
    if hasattr(message, "mixed_subtype") or hasattr(message, "alternative_subtype"):
        raise NotPlainError
    body = text(message.body) if message.body else ""
    subtype = message.content_subtype
    if not SUBTYPE.fullmatch(subtype):
        raise NotPlainError
    inline, attachments = parted(message, items(message.attachments))
    alternatives = (
        items(message.alternatives)
        if isinstance(message, EmailMultiAlternatives)
        else []
    )
    if not alternatives and not attachments:
        return _text(body, subtype, charset)
    pieces = [_text(body, subtype, charset, first=True)] if body else []
    if alternatives:
        pieces += [
            _alternative(alternative.content, alternative.mimetype, charset)
            for alternative in alternatives
        ]
        if inline:
            beside_html(
                pieces, alternatives, map(_GIVEN.piece, inline), _related_head()
            )
        pieces = [multipart(_multipart_head("alternative"), pieces)]
    if attachments:
        pieces += [
            _attachment(message, attachment, charset) for attachment in attachments
        ]
        pieces = [multipart(_multipart_head("mixed"), pieces)]
    [root] = pieces
    # Only a body brings it, as Python sets it with the content.
    return Piece(_VERSION + root.head, root.body) if body else root


def _text(body: str, subtype: str, charset: str, *, first: bool = False) -> Piece:
    cte, payload = _encoded(body, charset)
    head = _text_head(subtype, charset, cte, first=first)
    return Piece(head, [b"\r\n", payload], [payload])


def _alternative(value: object, mimetype: str, charset: str) -> Piece:
    if type(value) not in CONTENTS:
        raise NotPlainError
    if isinstance(value, bytes):
        # Django recodes them for another charset.
        if (binary := BINARY_TYPE.fullmatch(mimetype)) is None or charset != "utf-8":
            raise NotPlainError
        head = _alternative_head(binary[1], binary[2])
        return Piece(head, [b"\r\n", base64(value)])
    if (subtype := TEXT_TYPE.fullmatch(mimetype)) is None or not isinstance(value, str):
        raise NotPlainError
    return _text(value, subtype[1], charset)


def _attachment(message: EmailMessage, attachment: Any, charset: str) -> Piece:
    if isinstance(attachment, email.message.MIMEPart | MIMEBase):
        return _GIVEN.piece(attachment)
    filename, value, mimetype = triple(attachment)
    if type(value) not in CONTENTS:
        return _judged(message, filename, value, mimetype)
    if isinstance(value, bytes) and TEXT_TYPE.fullmatch(mimetype):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            mimetype = DEFAULT_ATTACHMENT_MIME_TYPE
    if (subtype := TEXT_TYPE.fullmatch(mimetype)) and isinstance(value, str):
        cte, payload = _encoded(value, charset)
        head = with_filename(_attached_text_head, (subtype[1], charset, cte), filename)
        return Piece(head, [b"\r\n", payload], [payload])
    if (binary := BINARY_TYPE.fullmatch(mimetype)) and isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        head = with_filename(_attached_head, binary.groups(), filename)
        return Piece(head, [b"\r\n", base64(data)])
    return _judged(message, filename, value, mimetype)


def _judged(message: EmailMessage, *attachment: object) -> Piece:
    """What Django makes of an attachment: a message, or of a type that is not plain."""
    holder = email.message.EmailMessage(policy=_POLICY)
    holder.make_mixed()
    message._add_attachment(holder, *attachment)  # type: ignore[attr-defined]  # private to Django
    [part] = holder.iter_parts()
    return _GIVEN.written(part)


def _encoded(value: str, charset: str) -> tuple[str, bytes]:
    """The transfer encoding that Python chooses for a text, and the text in it."""
    return TEXTS.recall((charset, value), lambda: _encode(value, charset))


def _encode(value: str, charset: str) -> tuple[str, bytes]:
    octets = value.encode(charset)
    lines = octets.splitlines()
    if max(map(len, lines), default=0) <= _WIDTH:
        cte = "7bit" if octets.isascii() else "8bit"
        return cte, b"\r\n".join(lines) + b"\r\n"
    if _base64_is_shorter(lines[:_SNIFFED_LINES]):
        return "base64", base64_lines(b"\r\n".join(lines) + b"\r\n")
    return "quoted-printable", crlf(
        quoted_printable(lines, _WIDTH, last_line_ends=True)
    )


def _base64_is_shorter(lines: list[bytes]) -> bool:
    base64_length = len(binascii.b2a_base64(b"\r\n".join(lines) + b"\r\n"))
    if longest_quoted_printable(lines, _WIDTH) <= base64_length:
        return False
    return len(quoted_printable(lines, _WIDTH, last_line_ends=True)) > base64_length


# What comes before contents, once in Python's own words


@lru_cache(maxsize=256)
def _text_head(subtype: str, charset: str, cte: str, *, first: bool) -> bytes:
    holder = email.message.EmailMessage(policy=_POLICY)
    holder.set_content("", subtype=subtype, charset=charset, cte=cte)
    if not first:
        return head_of(holder, _POLICY)
    holder.make_mixed()  # moves it from the message into a part
    [part] = holder.iter_parts()
    return head_of(part, _POLICY)


@lru_cache(maxsize=256)
def _attached_text_head(
    subtype: str, charset: str, cte: str, filename: str | None
) -> bytes:
    return _head_of_attachment(
        "", subtype=subtype, charset=charset, cte=cte, filename=filename
    )


@lru_cache(maxsize=256)
def _attached_head(maintype: str, subtype: str, filename: str | None) -> bytes:
    return _head_of_attachment(
        b"", maintype=maintype, subtype=subtype, filename=filename
    )


def _head_of_attachment(*value: Any, **how: Any) -> bytes:
    holder = email.message.EmailMessage(policy=_POLICY)
    holder.add_attachment(*value, **how)
    [part] = holder.iter_parts()
    return head_of(part, _POLICY)


@lru_cache(maxsize=64)
def _alternative_head(maintype: str, subtype: str) -> bytes:
    holder = email.message.EmailMessage(policy=_POLICY)
    holder.set_content(b"", maintype=maintype, subtype=subtype)
    return head_of(holder, _POLICY)


@cache
def _multipart_head(subtype: str) -> tuple[bytes, bytes]:
    holder = email.message.EmailMessage(policy=_POLICY)
    getattr(holder, f"make_{subtype}")()
    return split_at_boundary(head_of(holder, _POLICY))


@cache
def _related_head() -> tuple[bytes, bytes]:
    return split_at_boundary(head_of(new_related(None), _POLICY))


DIALECT = Dialect(
    fold=folding(_direct, _parsed),
    content=content,
    as_django=as_django,
    policies=frozenset({"smtp", "smtputf8"}),
)
