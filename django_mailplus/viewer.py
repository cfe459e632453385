"""Any message, however broken or hostile, to parts that are safe to show.

Every string given out is free of control characters, so that printing it can never
send an escape sequence to a terminal. The HTML part is decoded, not made harmless:
show it in a sandbox only.
"""

from __future__ import annotations

import codecs
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from html.parser import HTMLParser
from typing import TypeAlias, TypeVar

__all__ = [
    "AttachmentView",
    "MessageView",
    "attached",
    "clean_line",
    "clean_text",
    "find_links",
    "view",
]

T = TypeVar("T")
Part: TypeAlias = "Message[str, str]"  # generic for type checkers only

# C0 controls become their visible pictures (U+2400 onwards), so that an attempt shows.
# C1 controls (0x9B starts a sequence as ESC [ does) and lone surrogates have no picture.
# Bidirectional embeddings, overrides and isolates can make a name read as another one.
_UNSAFE: dict[int, int | None] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0), *range(0xD800, 0xE000)), 0xFFFD),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
}

# RFC 2047 section 2, with the language tag of RFC 2231 section 5.
_ENCODED_WORD = re.compile(r"=\?([^?*\s]{1,60})(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")

# Control pictures and U+FFFD end a link: they stand where a control character was.
_LINK = re.compile(r"https?://[^\s<>\"`\u2400-\u2421\ufffd]+", re.IGNORECASE)
_PAIRS = {")": "(", "]": "[", "}": "{"}
# Never "_", "-" or "=": tokens end so.
_AFTER_LINK = frozenset(".,;:!?'\u2019\u201d\u00bb")
# Characters of a part that are searched; more is an attack on the reader's time.
_LINK_SEARCH_LIMIT = 2_000_000

# Text codecs of Python that take quadratic time or are no charset of any mail.
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "undefined"})


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
    links: tuple[str, ...]

    def header(self, name: str) -> str:
        """The first header of that name, in any case; empty when there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


def view(raw: bytes) -> MessageView:
    """The parts of a message. Never raises, whatever the bytes are.

    Links are the http and https ones of the text part; those of the HTML part when
    there is no text part. Each comes once, in the order of the message.
    """
    message, leaves = _parse(raw)
    headers = tuple(
        (clean_line(name), _header_text(value)) for name, value in message.raw_items()
    )
    texts: list[str] = []
    htmls: list[str] = []
    attachments: list[AttachmentView] = []
    for part in leaves:
        kind = _content_type(part)
        if _is_body(part):
            body = clean_text(_decode(_payload(part), _charset(part)))
            (texts if kind == "text/plain" else htmls).append(body)
        else:
            attachments.append(_attachment(part, kind))
    text = "\n".join(texts) if texts else None
    html = "\n".join(htmls) if htmls else None
    return MessageView(
        headers=headers,
        subject=next(
            (value for name, value in headers if name.lower() == "subject"), ""
        ),
        text=text,
        html=html,
        attachments=tuple(attachments),
        links=_links_of(text, html),
    )


def attached(raw: bytes, number: int) -> tuple[AttachmentView, bytes] | None:
    """An attachment, by its place in `view(raw).attachments`, and its decoded bytes.

    None if there is none. Never raises. The bytes may be anything: let nobody open them.
    """
    _, leaves = _parse(raw)
    parts = [part for part in leaves if not _is_body(part)]
    if not 0 <= number < len(parts):
        return None
    part = parts[number]
    return _attachment(part, _content_type(part)), _content(part)


def clean_text(value: str) -> str:
    """The same text with line ends as newlines and no other control character but tab."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.translate(_UNSAFE)


def clean_line(value: str) -> str:
    """The same text on one line: runs of white space become one space."""
    one_line = re.sub(r"[ \t\r\n\u2028\u2029]+", " ", value)
    return one_line.translate(_UNSAFE).strip(" ")


def find_links(text: str) -> tuple[str, ...]:
    """The http and https URLs of a text, each once, without the punctuation after them."""
    return tuple(
        dict.fromkeys(
            _trim_link(found[0]) for found in _LINK.finditer(text[:_LINK_SEARCH_LIMIT])
        )
    )


def _header_text(value: str) -> str:
    """One raw header value as a clean line, encoded words (RFC 2047) decoded."""
    if _has_surrogates(value):  # raw bytes above 127, kept by the parser
        value = _decode(value.encode("utf-8", "surrogateescape"), "utf-8")
    pieces: list[str] = []
    pending: list[tuple[str, bytes]] = []  # neighbouring encoded words
    end = 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[end : word.start()]
        # White space between two encoded words is not part of the text.
        if between.strip() or not pending:
            pieces += [_join_words(pending), between]
            pending = []
        pending.append((word[1], _word_bytes(word[2], word[3])))
        end = word.end()
    pieces += [_join_words(pending), value[end:]]
    return clean_line("".join(pieces))


def _join_words(words: list[tuple[str, bytes]]) -> str:
    """Decode words of one charset together: some senders split inside a character."""
    runs: list[tuple[str, bytes]] = []
    for charset, data in words:
        if runs and runs[-1][0].lower() == charset.lower():
            runs[-1] = (charset, runs[-1][1] + data)
        else:
            runs.append((charset, data))
    return "".join(_decode(data, charset) for charset, data in runs)


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(data, header=True)
    try:
        return a2b_base64(data + b"=" * (-len(data) % 4))
    except Base64Error:
        return data


class _RawHeaders(Compat32):
    """Headers as they were sent; the default turns those with raw bytes into U+FFFD."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


_POLICY = _RawHeaders()


def _parse(raw: bytes) -> tuple[Part, list[Part]]:
    """The message and its leaves; a structure too deep to parse is read as plain text."""
    try:
        message = message_from_bytes(raw, policy=_POLICY)
        return message, list(_leaves(message))
    except RecursionError:
        head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        message = message_from_bytes(head, policy=_POLICY)
        plain: Part = Message(policy=_POLICY)
        plain.set_payload(body.decode("ascii", "surrogateescape"))
        return message, [plain]


def _leaves(message: Part) -> Iterator[Part]:
    """The parts that hold content, in order; an attached message is one of them."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.is_multipart() and not _content_type(part).startswith("message/"):
            waiting += reversed(_children(part))
        else:
            yield part


def _children(part: Part) -> list[Part]:
    payload = part.get_payload() if part.is_multipart() else []
    return [child for child in payload if isinstance(child, Message)]


def _guarded(read: Callable[[], T], otherwise: T) -> T:
    """What the email package makes of a parameter or a body; it raises on some broken ones."""
    try:
        return read()
    except (
        Exception
    ):  # many kinds, differing by Python version; RecursionError among them
        return otherwise


def _content_type(part: Part) -> str:
    return clean_line(_guarded(part.get_content_type, "application/octet-stream"))


def _charset(part: Part) -> str:
    return _guarded(part.get_content_charset, None) or "utf-8"


def _is_body(part: Part) -> bool:
    if _content_type(part) not in ("text/plain", "text/html"):
        return False
    disposition = _guarded(part.get_content_disposition, None)
    return disposition != "attachment" and not _filename(part)


def _filename(part: Part) -> str:
    name = _guarded(part.get_filename, None)
    return _header_text(name) if isinstance(name, str) else ""


def _payload(part: Part) -> bytes:
    """The decoded bytes of a leaf; as they were sent where their encoding is broken."""
    payload = _guarded(lambda: part.get_payload(decode=True), None)
    if payload is None:
        del part["content-type"]  # the email package fails on some charset parameters
        payload = _guarded(lambda: part.get_payload(decode=True), None)
    return payload if isinstance(payload, bytes) else b""


def _attachment(part: Part, kind: str) -> AttachmentView:
    size = len(_content(part))
    return AttachmentView(filename=_filename(part), content_type=kind, size=size)


def _content(part: Part) -> bytes:
    """An attached message or delivery report is a leaf to us, but parsed into messages."""
    children = _children(part)
    if not children:
        return _payload(part)
    return b"".join(_guarded(child.as_bytes, b"") for child in children)


def _decode(data: bytes, charset: str) -> str:
    """Text in the charset it claims, else in UTF-8, else as well as can be; never raises."""
    for name in (charset, "utf-8"):
        try:
            if codecs.lookup(name).name not in _NOT_FOR_MAIL:
                return data.decode(name)
        except (
            LookupError,
            ValueError,
        ):  # UnicodeError is a ValueError, so is a NUL in a name
            continue
    return data.decode("cp1252", "replace")


def _has_surrogates(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _trim_link(link: str) -> str:
    """Without the punctuation of the sentence; a closing bracket stays if one was opened."""
    surplus = {
        close: link.count(close) - link.count(opened)
        for close, opened in _PAIRS.items()
    }
    end = len(link)
    while end:
        last = link[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _AFTER_LINK:
            break
        end -= 1
    return link[:end]


def _links_of(text: str | None, html: str | None) -> tuple[str, ...]:
    if text is not None:
        return find_links(text)
    if html is None:
        return ()
    reader = _LinkReader()
    _guarded(lambda: reader.feed(html[:_LINK_SEARCH_LIMIT]), None)
    return tuple(dict.fromkeys(reader.links))


class _LinkReader(HTMLParser):
    """Collects the http and https targets of `a` and `area`."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("a", "area"):
            return
        target = clean_line(dict(attrs).get("href") or "")
        if _LINK.fullmatch(target):
            self.links.append(target)
