"""Attachments of every kind, made anew at each call."""

from __future__ import annotations

import email
import email.message
import email.policy
from email import encoders
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from django.core.mail import EmailMessage

__all__ = [
    "PNG",
    "as_given",
    "bare_part",
    "forwarded_part",
    "image",
    "letter_within",
    "signed_part",
    "text_part",
]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def as_given(*attachment: Any) -> Any:
    return attachment


def image(content_id: str, data: bytes, *, modern: bool) -> Any:
    if modern:
        part = email.message.MIMEPart(policy=email.policy.default)
        part.set_content(
            data, maintype="image", subtype="png", cid=content_id, disposition="inline"
        )
        return part
    old = MIMEImage(data, "png")
    old["Content-ID"] = content_id
    old.add_header("Content-Disposition", "inline", filename="ä.png")
    return old


def text_part(text: str, charset: str, *, modern: bool) -> Any:
    if not modern:
        return MIMEText(text, "plain", charset)
    part = email.message.MIMEPart(policy=email.policy.SMTP)
    part.set_content(text, charset=charset)
    return part


def bare_part(payload: str, header: tuple[str, str] | None) -> Any:
    part = MIMEBase("application", "x-thing")
    part.set_payload(payload)
    if header:
        part[header[0]] = header[1]
    return part


def signed_part(text: str) -> Any:
    part = MIMEMultipart("signed", protocol="application/pgp-signature")
    part.attach(MIMEText(text))
    signature = MIMEBase("application", "pgp-signature")
    signature.set_payload(PNG)
    encoders.encode_base64(signature)
    part.attach(signature)
    return part


def forwarded_part(text: str) -> Any:
    return MIMEMessage(email.message_from_string(text))


def letter_within(subject: str, body: str) -> Any:
    inner = EmailMessage(subject, body, "in@example.com", ["to@example.com"])
    inner.extra_headers = {
        "Message-ID": "<in@x>",
        "Date": "Fri, 21 Nov 2025 10:00:00 +0000",
    }
    return (None, inner, "message/rfc822")
