"""How a message is built: its parts within parts, as a tree to show."""

from __future__ import annotations

from dataclasses import dataclass

from django_mailplus.viewer.cleaning import clean_line
from django_mailplus.viewer.decoding import header_text
from django_mailplus.viewer.mime import (
    Parsed,
    charset,
    children,
    guarded,
    parse,
)
from django_mailplus.viewer.mime import (
    Part as ParsedPart,
)

__all__ = ["Part", "mime_tree"]

_MOST_PARTS = 10_000
_DEEPEST = 100  # parts within parts; mails of mails of mails have ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, and those in it. What its headers do not say is an empty string."""

    content_type: str
    charset: str
    filename: str
    disposition: str
    content_id: str
    """Without its angle brackets."""

    encoding: str
    size: int
    """Decoded bytes; of a multipart, of all in it."""

    index: int | None
    """Of an attachment: its number for `attached()`, and in `view(raw).attachments`."""

    children: tuple[Part, ...]
    is_cut: bool
    """Whether parts in it are left out, as there are too many, or they are too deep."""


@dataclass(slots=True, kw_only=True)
class _Seen:
    part: ParsedPart
    depth: int
    inside: list[int]
    is_cut: bool = False


def mime_tree(mail: bytes | Parsed, *, most: int = _MOST_PARTS) -> Part:
    """The parts of a message; the first is the message itself. Never raises.

    At most 10,000 parts, or as many as `most` says, and 100 within each other. An attached message is one
    attachment, and the tree goes on in it.
    """
    message, leaves = parse(mail)
    if leaves and not children(message):
        message = _with_content_of(message, leaves[0])
        leaves = [message]
    seen = _walk(message, most)
    attachments = [part for part in leaves if not part.is_body]
    numbers = {id(part): number for number, part in enumerate(attachments)}
    built: list[
        Part
    ] = []  # from the last to the first: parts come before what holds them
    for item in reversed(seen):
        inside = tuple(built[len(seen) - 1 - place] for place in item.inside)
        built.append(_part(item, inside, numbers.get(id(item.part))))
    return built[-1]


def _walk(message: ParsedPart, most: int) -> list[_Seen]:
    """Breadth first, so that a part stands after the one that it is in."""
    seen = [_Seen(part=message, depth=0, inside=[])]
    for item in seen:  # grows on the way
        for child in children(item.part):
            if len(seen) >= most or item.depth == _DEEPEST:
                item.is_cut = True
                break
            item.inside.append(len(seen))
            seen.append(_Seen(part=child, depth=item.depth + 1, inside=[]))
    return seen


def _with_content_of(message: ParsedPart, leaf: ParsedPart) -> ParsedPart:
    """Of a structure too deep to parse there is but its content, apart from its headers."""
    if leaf is not message:
        message.set_payload(leaf.get_payload())
    return message


def _part(seen: _Seen, inside: tuple[Part, ...], number: int | None) -> Part:
    part = seen.part
    if inside and number is None:
        size = sum(child.size for child in inside)
    else:
        size = part.size
    return Part(
        content_type=part.kind,
        charset=clean_line(charset(part)) if _says_charset(part) else "",
        filename=part.filename,
        disposition=part.disposition,
        content_id=_header(part, "content-id").strip("<>"),
        encoding=_header(part, "content-transfer-encoding").lower(),
        size=size,
        index=number,
        children=inside,
        is_cut=seen.is_cut,
    )


def _says_charset(part: ParsedPart) -> bool:
    return guarded(part.get_content_charset, None) is not None


def _header(part: ParsedPart, name: str) -> str:
    value = guarded(lambda: part.get(name), None)
    return header_text(value) if isinstance(value, str) else ""
