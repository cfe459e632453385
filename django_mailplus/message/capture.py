"""The attributes of a message as values for JSON; the first half of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import Message
from typing import Any

from django.core.mail import EmailMessage
from django.utils.functional import Promise

from django_mailplus.message.overriding import (
    addresses_as_django,
    djangos_class,
    inherited_names,
    is_method,
)
from django_mailplus.message.parts import encode_part, is_part
from django_mailplus.message.pristine import writes_as_django
from django_mailplus.message.values import NotCarriedError, encode, encode_content
from django_mailplus.message.wire import to_bytes

__all__ = ["FIELDS", "LISTS", "OPTIONS", "capture", "is_attribute"]

LISTS = ("to", "cc", "bcc", "reply_to")
OPTIONS = ("encoding", "content_subtype", "mixed_subtype", "alternative_subtype")

# Read by django-anymail, be they set on the message or by its class.
_ANYMAIL = frozenset(
    {
        "envelope_sender",
        "esp_extra",
        "merge_data",
        "merge_global_data",
        "merge_headers",
        "merge_metadata",
        "metadata",
        "send_at",
        "tags",
        "template_id",
        "track_clicks",
        "track_opens",
    }
)
_HEEDED = _ANYMAIL | {"stream"}
"""What mailers go by besides, also of a message that writes itself."""

# How a message is sent, and what that leaves on it.
_LEFT_BEHIND = frozenset(
    {"_connection", "anymail_status", "connection", "delivery_result", "outbox"}
)
_KNOWN = _LEFT_BEHIND.union(
    ("subject", "body", "from_email", "extra_headers", "alternatives", "attachments"),
    ("recipients",),
    LISTS,
    OPTIONS,
)

FIELDS = _KNOWN | _HEEDED
"""What backends read of a message."""


def capture(message: EmailMessage, blobs: dict[str, bytes]) -> dict[str, Any]:
    """The document without its version. Raises NotCarriedError with the attribute's name.

    The same content gives the same document, whichever message it is of.
    """
    written_by_django = writes_as_django(message)
    if written_by_django:
        document = _contents(message, blobs)
    else:
        document = {"finished": encode_content(to_bytes(message), blobs)}
    document["subject"] = _field(message, "subject", encode)
    document["from_email"] = _field(message, "from_email", encode)
    for name in LISTS:
        if (values := _field(message, name, _addresses)) != []:
            document[name] = values
    if message.extra_headers:
        document["extra_headers"] = _field(message, "extra_headers", _headers)
    if not addresses_as_django(message):
        document["recipients"] = _field(message, "recipients", _results)
    if isinstance(origin := getattr(message, "mailplus_origin", None), dict):
        document["origin"] = encode(origin)
    # What else is on a message that writes itself was for its own use, such as a key.
    if attributes := _attributes(message, heeded_only=not written_by_django):
        document["attributes"] = attributes
    return document


def is_attribute(name: str) -> bool:
    """Whether an attribute that is not Django's own may have this name."""
    return not (name in _KNOWN or name.startswith("mailplus_") or is_method(name))


def _contents(message: EmailMessage, blobs: dict[str, bytes]) -> dict[str, Any]:
    stock = djangos_class(type(message))
    document = {"class": stock.__name__, "body": _field(message, "body", encode)}
    for name in OPTIONS:
        default = getattr(stock, name, None)
        if getattr(message, name, default) != default:
            document[name] = _field(message, name, encode)
    if getattr(message, "alternatives", None):
        document["alternatives"] = _field(
            message, "alternatives", _each, _alternative, blobs
        )
    if message.attachments:
        document["attachments"] = _field(
            message, "attachments", _each, _attachment, blobs
        )
    return document


def _field(
    message: EmailMessage, name: str, write: Callable[..., Any], *how: Any
) -> Any:
    try:
        return write(getattr(message, name), *how)
    except NotCarriedError as error:
        raise error.within(name) from None


def _addresses(values: object) -> Any:
    _check_list(values)
    return encode(values)


def _results(recipients: Callable[[], Any]) -> Any:
    return encode(list(recipients()))


def _headers(headers: Any) -> list[list[Any]]:
    """Pairs, as their order is that of the mail."""
    if not isinstance(headers, Mapping):
        raise NotCarriedError(headers)
    if not all(isinstance(name, str | Promise) for name in headers):
        raise NotCarriedError(headers, "has a name that is no text")
    return [[encode(name), encode(value)] for name, value in headers.items()]


def _each(values: Any, write: Callable[..., Any], blobs: dict[str, bytes]) -> list[Any]:
    _check_list(values)
    written = []
    for index, value in enumerate(values):
        try:
            written.append(write(value, blobs))
        except NotCarriedError as error:
            raise error.within(f"[{index}]") from None
    return written


def _check_list(values: object) -> None:
    """What can be gone through only once would be empty when it is sent."""
    if not isinstance(values, list | tuple):
        raise NotCarriedError(
            values, f"is a {type(values).__qualname__} where a list belongs"
        )


def _alternative(alternative: Any, blobs: dict[str, bytes]) -> list[Any]:
    if not isinstance(alternative, list | tuple) or len(alternative) != 2:
        raise NotCarriedError(alternative, "is no pair of content and mimetype")
    content, mimetype = alternative
    if isinstance(content, bytes):
        return [encode_content(content, blobs), encode(mimetype)]
    return [encode(content), encode(mimetype)]  # text as the body is


def _attachment(attachment: Any, blobs: dict[str, bytes]) -> Any:
    if is_part(attachment):
        return {"part": encode_part(attachment, blobs)}
    if not isinstance(attachment, list | tuple) or len(attachment) != 3:
        raise NotCarriedError(
            attachment, "is neither a part nor filename, content and mimetype"
        )
    filename, content, mimetype = attachment
    if isinstance(content, EmailMessage):
        written: Any = {"$message": capture(content, blobs)}
    elif isinstance(content, Message):
        written = {"$mime": encode_part(content, blobs)}
    else:
        written = encode_content(content, blobs)
    return [encode(filename), written, encode(mimetype)]


def _attributes(message: EmailMessage, *, heeded_only: bool) -> list[list[Any]]:
    own = [name for name in vars(message) if name not in _KNOWN]
    kind: Any = type(message)  # its stubs deny that it is hashable
    inherited = inherited_names(kind, _HEEDED)
    if not own and not inherited:
        return []
    attributes = []
    for name in dict.fromkeys([*own, *inherited]):
        if name.startswith("mailplus_") or name in _KNOWN:
            continue
        if heeded_only and name not in _HEEDED:
            continue
        value = getattr(message, name)
        if _is_unset(value):
            continue
        if is_method(name):
            raise NotCarriedError(value, "replaces a method").within(name)
        try:
            attributes.append([name, encode(value)])
        except NotCarriedError as error:
            # A constant of a class, such as a pattern, stays with its code.
            if name in vars(message) or name in _HEEDED:
                raise error.within(name) from None
    return attributes


def _is_unset(value: object) -> bool:
    """Whether it is the default of django-anymail's own message class."""
    return isinstance(value, type) and value.__name__ == "UNSET"
