"""Any message, however broken or hostile, to parts that are safe to show.

Every string given out is free of control characters, so that printing it can never
send an escape sequence to a terminal. The HTML part is decoded, not made harmless:
show it in a sandbox only.
"""

from __future__ import annotations

from dataclasses import dataclass

from django_mailplus.viewer.bodies import LONGEST_SHOWN, MOST_SHOWN, read_body
from django_mailplus.viewer.cleaning import clean_line
from django_mailplus.viewer.decoding import header_text
from django_mailplus.viewer.finding import find_links, html_links
from django_mailplus.viewer.mime import Parsed, Part, content, parse

__all__ = [
    "AttachmentView",
    "MessageView",
    "attached",
    "view",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentView:
    """What a part is called, what it says it is, and its decoded size in bytes."""

    filename: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """The readable parts of one message; text and html are None when there is no such part."""

    headers: tuple[tuple[str, str], ...]
    subject: str
    text: str | None
    html: str | None
    attachments: tuple[AttachmentView, ...]
    text_left_out: int = 0
    """Bytes that a view in brief does not hold."""

    html_left_out: int = 0
    attachments_left_out: int = 0

    @property
    def links(self) -> tuple[str, ...]:
        """The http and https ones of the text part; of the HTML when there is no text part.

        Each comes once, in the order of the message.
        """
        if self.text is not None:
            return find_links(self.text)
        return tuple(dict.fromkeys(link.url for link in html_links(self.html or "")))

    def header(self, name: str) -> str:
        """The first header of that name, in any case; empty when there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


def view(mail: bytes | Parsed, *, in_brief: bool = False) -> MessageView:
    """The parts of a message. Never raises, whatever the bytes are.

    In brief, for pages: of text and of HTML the first LONGEST_SHOWN bytes, and MOST_SHOWN
    attachments.
    """
    message, leaves = parse(mail)
    longest, most = (LONGEST_SHOWN, MOST_SHOWN) if in_brief else (None, None)
    attachments = [part for part in leaves if not part.is_body]
    headers = tuple(
        (clean_line(name), header_text(value)) for name, value in message.raw_items()
    )
    text = read_body(leaves, "text/plain", longest)
    html = read_body(leaves, "text/html", longest)
    return MessageView(
        headers=headers,
        subject=next(
            (value for name, value in headers if name.lower() == "subject"), ""
        ),
        text=text.text if text else None,
        html=html.text if html else None,
        attachments=tuple(map(_attachment, attachments[:most])),
        text_left_out=text.left_out if text else 0,
        html_left_out=html.left_out if html else 0,
        attachments_left_out=len(attachments[most:]) if in_brief else 0,
    )


def attached(mail: bytes | Parsed, number: int) -> tuple[AttachmentView, bytes] | None:
    """An attachment, by its place in `view(mail).attachments`, and its decoded bytes.

    None if there is none. Never raises. The bytes may be anything: let nobody open them.
    """
    parts = [part for part in parse(mail).leaves if not part.is_body]
    if not 0 <= number < len(parts):
        return None
    return _attachment(parts[number]), content(parts[number])


def _attachment(part: Part) -> AttachmentView:
    return AttachmentView(
        filename=part.filename, content_type=part.kind, size=part.size
    )
