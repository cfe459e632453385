"""The message of a snapshot's document; raises whatever comes for a damaged one."""

from __future__ import annotations

from typing import Any

from django.core.mail import (
    EmailAlternative,
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
)

from django_mailplus.message.capture import LISTS, OPTIONS, is_attribute
from django_mailplus.message.carried import FinishedMessage, with_recipients
from django_mailplus.message.parts import read_message, read_part
from django_mailplus.message.related import RelatedEmail
from django_mailplus.message.values import decode, decode_content
from django_mailplus.message.whole_header import whole

__all__ = ["rebuild"]

_CLASSES: dict[str, type[EmailMessage]] = {
    "EmailMessage": EmailMessage,
    "EmailMultiAlternatives": EmailMultiAlternatives,
    "RelatedEmail": RelatedEmail,
}


def rebuild(document: dict[str, Any], blobs: dict[str, bytes]) -> EmailMessage:
    if "finished" in document:
        message: EmailMessage = FinishedMessage(_octets(document["finished"], blobs))
        values = vars(message)
    else:
        message = _CLASSES[document["class"]]()
        values = vars(message)
        _read_contents(document, blobs, values)
    values["subject"] = decode(document["subject"])
    values["from_email"] = decode(document["from_email"])
    for name in LISTS:
        if name in document:
            values[name] = _listed(decode(document[name]))
    if "extra_headers" in document:
        headers = [(_text(decode(n)), decode(v)) for n, v in document["extra_headers"]]
        values["extra_headers"] = {name: whole(name, value) for name, value in headers}
    for name, value in document.get("attributes", ()):
        if not is_attribute(_text(name)):
            raise ValueError(name)
        values[name] = decode(value)
    if "origin" in document:
        values["mailplus_origin"] = decode(document["origin"])
    if "recipients" in document:
        return with_recipients(message, list(_listed(decode(document["recipients"]))))
    return message


def _read_contents(
    document: dict[str, Any], blobs: dict[str, bytes], values: dict[str, Any]
) -> None:
    values["body"] = decode(document["body"])
    for name in OPTIONS:
        if name in document:
            values[name] = decode(document[name])
    if "alternatives" in document:
        values["alternatives"] = [
            EmailAlternative(decode_content(content, blobs), decode(mimetype))
            for content, mimetype in document["alternatives"]
        ]
    if "attachments" in document:
        values["attachments"] = [
            _attachment(value, blobs) for value in document["attachments"]
        ]


def _attachment(value: Any, blobs: dict[str, bytes]) -> Any:
    if type(value) is dict:
        return read_part(_octets(value["part"], blobs))
    filename, content, mimetype = value
    if type(content) is dict and "$message" in content:
        attached: Any = rebuild(content["$message"], blobs)
    elif type(content) is dict and "$mime" in content:
        attached = read_message(_octets(content["$mime"], blobs))
    else:
        attached = decode_content(content, blobs)
    return EmailAttachment(decode(filename), attached, decode(mimetype))


def _octets(value: Any, blobs: dict[str, bytes]) -> bytes:
    octets: object = decode_content(value, blobs)
    if type(octets) is not bytes:
        raise TypeError(type(octets))
    return octets


def _listed(value: Any) -> Any:
    if type(value) not in (list, tuple):
        raise TypeError(type(value))
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(type(value))
    return value
