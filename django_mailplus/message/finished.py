"""The header of a message that is bytes already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.header import decode_header, make_header

__all__ = ["rename_headers"]

_FIELD = re.compile(rb"([!-9;-~]+):((?:[^\r\n]|\r?\n[ \t])*)\r?\n")


def rename_headers(
    message: bytes,
    chosen: Callable[[str, str], bool],
    *,
    add: Mapping[str, str],
) -> bytes:
    """Put X-Original- before the names of the headers that are `chosen`.

    `add` are headers to be there in the place of those; they are ASCII.
    """
    head, end, body = _split(message)
    renamed: set[str] = set()

    def rename(field: re.Match[bytes]) -> bytes:
        name = field[1].decode("ascii")
        if name.lower().startswith("x-original-") or not chosen(name, _text(field[2])):
            return field[0]
        renamed.add(name.lower())
        return b"X-Original-" + field[0]

    head = _FIELD.sub(rename, head)
    there = {field[1].decode("ascii").lower() for field in _FIELD.finditer(head)}
    added = "".join(
        f"{name}: {text}\r\n"
        for name, text in add.items()
        if text and name.lower() not in there
    )
    return added.encode("ascii") + head + end + body


def _split(message: bytes) -> tuple[bytes, bytes, bytes]:
    for end in (b"\r\n\r\n", b"\n\n"):
        head, found, body = message.partition(end)
        if found:
            half = end[: len(end) // 2]
            return head + half, half, body
    return message, b"", b""


def _text(value: bytes) -> str:
    raw = value.decode("utf-8", "replace")
    try:
        return f"{raw} {make_header(decode_header(raw))}"
    except (ValueError, LookupError):
        return raw
