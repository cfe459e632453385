"""Mail as Django 5.2 writes it: with the older classes of Python's `email`."""

from __future__ import annotations

import email.policy
from email.message import Message
from email.mime.base import MIMEBase
from functools import lru_cache
from typing import Any

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import (
    ADDRESS_HEADERS,
    RFC5322_EMAIL_LINE_LENGTH_LIMIT,
    SafeMIMEMultipart,
    SafeMIMEText,
    forbid_multi_line_headers,
)

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
from django_mailplus.message.transfer import crlf, quoted_printable

__all__ = ["DIALECT"]

_POLICY = email.policy.compat32.clone(linesep="\r\n")
_CHARSET = "utf-8"  # the one that Django encodes in its own way
_QP_WIDTH = 76  # characters, of email.quoprimime
_Q_BIAS = 1  # character: Q is chosen if it is not longer than B

# A text for which each transfer encoding is chosen.
_PROBES = {
    "7bit": "x",
    "8bit": "é",
    "quoted-printable": "x" * (RFC5322_EMAIL_LINE_LENGTH_LIMIT + 1),
}
_GIVEN = GivenParts(_POLICY)


def as_django(message: EmailMessage, policy: str) -> bytes:
    return bytes(message.message().as_bytes(linesep="\r\n"))  # type: ignore[call-arg]  # gone in 6.0


# Headers


def _direct(name: str, value: str, charset: str) -> bytes | None:
    if not value.isascii() and charset != _CHARSET:
        return None
    structured = name.lower() in ADDRESS_HEADERS and not value.isascii()
    return direct_line(name, value, structured=structured, whole=True, q_bias=_Q_BIAS)


def _parsed(name: str, value: str, charset: str) -> bytes:
    holder = Message(_POLICY)
    holder.set_raw(*forbid_multi_line_headers(name, value, charset))
    return flattened(holder, _POLICY)[: -len(b"\r\n")]


# Bodies


def content(message: EmailMessage, charset: str) -> Piece:
    body = text(message.body)
    subtype = message.content_subtype
    if not SUBTYPE.fullmatch(subtype):
        raise NotPlainError
    main = _text(body, subtype, charset)
    inline, attachments = parted(message, items(message.attachments))
    has_main = bool(body)
    if isinstance(message, EmailMultiAlternatives) and message.alternatives:
        pieces = [main] if body else []
        alternatives = items(message.alternatives)
        pieces += [
            _alternative(message, alternative.content, alternative.mimetype, charset)
            for alternative in alternatives
        ]
        if inline:
            head = _related_head(charset)
            beside_html(pieces, alternatives, map(_GIVEN.piece, inline), head)
        main = _multipart(message.alternative_subtype, charset, pieces)  # type: ignore[attr-defined]  # gone in 6.0
        has_main = True
    if not attachments:
        return main
    pieces = [main] if has_main else []
    pieces += [_attachment(message, attachment, charset) for attachment in attachments]
    return _multipart(message.mixed_subtype, charset, pieces)  # type: ignore[attr-defined]  # gone in 6.0


def _multipart(subtype: str, charset: str, pieces: list[Piece]) -> Piece:
    return multipart(_multipart_head(subtype, charset), pieces)


def _text(value: str, subtype: str, charset: str) -> Piece:
    if charset != _CHARSET:
        part = SafeMIMEText(value, subtype, charset)
        head, _, payload = flattened(part, _POLICY).partition(b"\r\n\r\n")
        return Piece(head + b"\r\n", [b"\r\n", payload], [payload])
    cte, payload = _encoded(value)
    return Piece(_text_head(subtype, cte, None), [b"\r\n", payload], [payload])


def _alternative(
    message: EmailMessage, value: object, mimetype: str, charset: str
) -> Piece:
    subtype = TEXT_TYPE.fullmatch(mimetype)
    if subtype and isinstance(value, str) and type(value) in CONTENTS:
        return _text(value, subtype[1], charset)
    if (data := _octets(value)) is not None and BINARY_TYPE.fullmatch(mimetype):
        return Piece(_binary_head(mimetype, None), [b"\r\n", base64(data)])
    part = message._create_mime_attachment(value, mimetype)  # type: ignore[attr-defined]  # private to Django
    return _GIVEN.written(part)


def _attachment(message: EmailMessage, attachment: Any, charset: str) -> Piece:
    if isinstance(attachment, MIMEBase):
        return _GIVEN.piece(attachment)
    filename, value, mimetype = triple(attachment)
    if (
        charset == _CHARSET
        and isinstance(value, str)
        and type(value) in CONTENTS
        and (subtype := TEXT_TYPE.fullmatch(mimetype))
    ):
        cte, payload = _encoded(value)
        head = with_filename(_text_head, (subtype[1], cte), filename)
        return Piece(head, [b"\r\n", payload], [payload])
    if (data := _octets(value)) is not None and BINARY_TYPE.fullmatch(mimetype):
        head = with_filename(_binary_head, (mimetype,), filename)
        return Piece(head, [b"\r\n", base64(data)])
    part = message._create_attachment(*attachment)  # type: ignore[attr-defined]  # private to Django
    return _GIVEN.written(part)


def _octets(value: object) -> bytes | None:
    """What Django puts into base64, if that is plain: it escapes other texts."""
    if type(value) not in CONTENTS:
        return None
    if isinstance(value, str):
        return value.encode() if value.isascii() else None
    return value if isinstance(value, bytes) else None


def _encoded(value: str) -> tuple[str, bytes]:
    """The transfer encoding that Django chooses for a text, and the text in it."""
    return TEXTS.recall((_CHARSET, value), lambda: _encode(value))


def _encode(value: str) -> tuple[str, bytes]:
    octets = value.encode()
    lines = value.splitlines() if value.isascii() else _octets_of_lines(value)
    if max(map(len, lines), default=0) <= RFC5322_EMAIL_LINE_LENGTH_LIMIT:
        return "7bit" if value.isascii() else "8bit", crlf(octets)
    ends = octets.endswith((b"\r", b"\n"))
    printable = quoted_printable(octets.splitlines(), _QP_WIDTH, last_line_ends=ends)
    return "quoted-printable", crlf(printable)


def _octets_of_lines(value: str) -> list[bytes]:
    return [line.encode() for line in value.splitlines()]


# What comes before contents, once in Django's own words


def _blank(charset: str) -> EmailMessage:
    blank = EmailMessage.__new__(EmailMessage)
    blank.encoding = charset
    return blank


@lru_cache(maxsize=256)
def _text_head(subtype: str, cte: str, filename: str | None) -> bytes:
    part = _blank(_CHARSET)._create_attachment(  # type: ignore[attr-defined]  # private to Django
        filename, _PROBES[cte], f"text/{subtype}"
    )
    return head_of(part, _POLICY)


@lru_cache(maxsize=256)
def _binary_head(mimetype: str, filename: str | None) -> bytes:
    part = _blank(_CHARSET)._create_attachment(filename, b"", mimetype)  # type: ignore[attr-defined]  # private to Django
    return head_of(part, _POLICY)


@lru_cache(maxsize=64)
def _multipart_head(subtype: str, charset: str) -> tuple[bytes, bytes]:
    part = SafeMIMEMultipart(_subtype=subtype, encoding=charset)
    return split_at_boundary(head_of(part, _POLICY))


@lru_cache(maxsize=64)
def _related_head(charset: str) -> tuple[bytes, bytes]:
    return split_at_boundary(head_of(new_related(charset), _POLICY))


DIALECT = Dialect(
    fold=folding(_direct, _parsed),
    content=content,
    as_django=as_django,
    policies=frozenset({"smtp"}),
)
