"""Pictures that travel inside of a mail, each once, named by their content."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured

from django_mailplus.message.related import new_inline_part

__all__ = ["InlineImage", "InlineImages"]

# Providers take the id for a file name, and some mail programs keep back names in .com.
_DOMAIN = "mailplus.inline"


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineImage:
    """One picture: `content_id` is what `cid:` in the HTML leads to."""

    content: bytes = field(repr=False)
    filename: str
    mimetype: str
    content_id: str

    def part(self) -> Message[Any, Any]:
        """It as an attachment of a RelatedEmail."""
        return new_inline_part(
            self.content,
            self.mimetype,
            content_id=self.content_id,
            filename=self.filename,
        )


class InlineImages:
    """Collects what `{% inline_image %}` shows in one mail."""

    def __init__(self) -> None:
        self._by_id: dict[str, InlineImage] = {}

    def __iter__(self) -> Iterator[InlineImage]:
        return iter(self._by_id.values())

    def add(self, source: Any) -> str:
        """The `cid:` URL of a static file by its name, of a path, or of a file of a model."""
        content, filename = _read(source)
        mimetype = mimetypes.guess_type(filename)[0] or ""
        if not mimetype.startswith("image/"):
            raise ImproperlyConfigured(
                f"inline_image: {filename!r} is no picture by its name. Give a file such as "
                "'logo.png'."
            )
        digest = sha256(content).hexdigest()[:32]
        image = InlineImage(
            content=content,
            filename=filename,
            mimetype=mimetype,
            content_id=f"{digest}@{_DOMAIN}",
        )
        self._by_id.setdefault(image.content_id, image)
        return f"cid:{image.content_id}"


def _read(source: Any) -> tuple[bytes, str]:
    if isinstance(source, Path):
        return source.read_bytes(), source.name
    if hasattr(source, "open") and hasattr(source, "name"):  # such as an ImageField's
        with source.open("rb") as file:
            return file.read(), Path(source.name).name
    if (found := finders.find(str(source))) is None:
        raise ImproperlyConfigured(
            f"inline_image: there is no static file {str(source)!r}. Looked in: "
            f"{', '.join(map(str, finders.searched_locations))}."
        )
    path = Path(found)
    return path.read_bytes(), path.name
