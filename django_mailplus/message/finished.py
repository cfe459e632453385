"""The header of a message that is bytes already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["rename_headers"]

_BREAK = rb"(?:\r\n|\r(?!\n)|\n)"
_EMPTY_LINE = re.compile(rb"\A" + _BREAK + rb"|" + _BREAK + _BREAK)
_LINE = re.compile(_BREAK + rb"(?![ \t])")
_FOLD = re.compile(_BREAK)
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.S)


def rename_headers(
    message: bytes,
    chosen: Callable[[str, str], bool],
    *,
    add: Mapping[str, Iterable[str]],
) -> bytes:
    """Put X-Original- before the names of the headers that are `chosen`.

    `add` are headers to be there in the place of those, with what each lists. A line that
    is no header, but may be one for others, is taken for one.
    """
    head, rest = _split(message)
    lines: list[bytes] = []
    renamed: set[str] = set()
    for name, value, line in _fields(head):
        text = value.decode("utf-8", "replace")
        if name.lower().startswith("x-original-") or not chosen(name, text):
            lines.append(line)
            continue
        renamed.add(name.lower())
        lines.append(b"X-Original-%s:%s" % (name.encode("ascii"), value))
    if not renamed:
        return message
    there = {name.lower() for name, _, _ in _fields(b"\r\n".join(lines))}
    added = [
        f"{name}: {text}".encode("ascii")
        for name, each in add.items()
        if name.lower() not in there
        and (text := ",\r\n ".join(part for part in each if part.isascii()))
    ]
    return b"\r\n".join([*added, *lines, b"", rest])


def _split(message: bytes) -> tuple[bytes, bytes]:
    found = _EMPTY_LINE.search(message)
    if found is None:
        return message, b""
    return message[: found.start()], message[found.end() :]


def _fields(head: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Name, value and all of each."""
    for given in filter(None, _LINE.split(head)):
        line = _FOLD.sub(b"\r\n", given)
        found = _FIELD.fullmatch(line)
        name, value = found.groups() if found else (b"Line", b" " + line)
        yield name.decode("ascii"), value, line
