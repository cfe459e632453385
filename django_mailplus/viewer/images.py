"""Pictures that are parts of a mail, for a page that loads nothing."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable

from django_mailplus.viewer.mime import Part, guarded, payload
from django_mailplus.viewer.references import plain_id

__all__ = ["RASTER_TYPES", "InlineImages", "raster_type"]

_LIMIT = 10_000_000  # bytes of all pictures in one page; each use counts

# By the first bytes; what a part calls itself proves nothing. Never SVG: it is a document.
_BEGINNINGS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/bmp": re.compile(rb"BM"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "image/avif": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
}
RASTER_TYPES = frozenset(_BEGINNINGS)
"""Types of pictures made of pixels, which browsers show."""


def raster_type(data: bytes) -> str | None:
    """Which of RASTER_TYPES a picture is of; None for anything else."""
    types = (kind for kind, begins in _BEGINNINGS.items() if begins.match(data))
    return next(types, None)


class InlineImages:
    """The parts with a Content-ID (RFC 2392), each as a `data:` URL when it is asked for."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._left = _LIMIT
        self._urls: dict[str, str | None] = {}
        self._parts: dict[str, Part] = {}
        for part in parts:
            told = guarded(lambda part=part: part.get("content-id"), None)  # type: ignore[misc]
            if isinstance(told, str) and told.strip():
                self._parts.setdefault(plain_id(told), part)

    def url(self, reference: str) -> str | None:
        """For what stands after `cid:`; None if there is no such picture, or no room left."""
        name = plain_id(reference)
        if name not in self._urls:
            self._urls[name] = self._read(name)
        url = self._urls[name]
        if url is None or len(url) > self._left:
            return None
        self._left -= len(url)
        return url

    def _read(self, name: str) -> str | None:
        data = payload(self._parts[name]) if name in self._parts else b""
        kind = raster_type(data)
        if kind is None:
            return None
        return f"data:{kind};base64,{b64encode(data).decode()}"
