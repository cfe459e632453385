"""What attachments have in common on every Django."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.utils.safestring import SafeString

from django_mailplus.message.memory import ATTACHMENTS
from django_mailplus.message.multipart import NotPlainError
from django_mailplus.message.transfer import base64_lines

__all__ = [
    "BINARY_TYPE",
    "CONTENTS",
    "SUBTYPE",
    "TEXT_TYPE",
    "base64",
    "triple",
    "with_filename",
]

# Not their subclasses, which may write themselves otherwise, and may hold more in memory
# than they show: a string of lxml holds its document.
CONTENTS = frozenset({bytes, str, SafeString})

# Types that Python writes as they stand and as one payload.
SUBTYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
TEXT_TYPE = re.compile(rf"text/({SUBTYPE.pattern})")
BINARY_TYPE = re.compile(
    rf"(application|audio|font|image|model|video)/({SUBTYPE.pattern})"
)

_PLAIN_FILENAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_LETTER = re.compile(r"[A-Za-z0-9]")
_LONGEST_NAME = 255  # characters, as in file systems; header lines are kept by name


def triple(attachment: object) -> tuple[Any, Any, Any]:
    """Filename, content and type; not of an iterator, which Django could not read again."""
    if not isinstance(attachment, tuple | list):
        raise NotPlainError
    filename, content, mimetype = attachment
    if filename is not None and (
        type(filename) is not str or len(filename) > _LONGEST_NAME
    ):
        raise NotPlainError
    return filename, content, mimetype


def base64(data: bytes) -> bytes:
    """Encoded lines; a batch that shares an attachment encodes it once."""
    return ATTACHMENTS.recall(("base64", data), lambda: base64_lines(data))


def with_filename(
    head: Callable[..., bytes], how: tuple[Any, ...], filename: str | None
) -> bytes:
    """`head(*how, filename)`, which is asked once for all plain names of one shape.

    Every invoice-4711.pdf has a name of its own, and none but its letters differ.
    """
    if filename and _PLAIN_FILENAME.fullmatch(filename):
        mask = _LETTER.sub("Q", filename)
        lines = head(*how, mask)
        if lines.count(mask.encode()) == 1:
            return lines.replace(mask.encode(), filename.encode())
    return head(*how, filename)
