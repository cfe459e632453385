"""What a mail client does not show, or only as decoration."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django_mailplus.templated.plain_text.tags import ENDED_BY, SCOPES

__all__ = ["Skipped", "is_hidden", "is_pixel"]

_ZERO = r"\s*:\s*[+-]?(?:0++(?:\.0*+)?|\.0++)(?:px|pt|em|rem|%)?\s*(?:;|!|$)"
_HIDING_STYLE = re.compile(
    r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|mso-hide\s*:\s*all)(?![\w-])",
    re.IGNORECASE,
)
_NO_ROOM = re.compile(rf"(?<![\w-])(?:max-height|font-size){_ZERO}", re.IGNORECASE)
_CUT_OFF = re.compile(r"(?<![\w-])overflow(?:-y)?\s*:\s*hidden", re.IGNORECASE)
_PIXEL_STYLE = re.compile(
    r"(?<![\w-])(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|!|$)", re.IGNORECASE
)
_PIXEL_SIZES = frozenset({"0", "1", "0px", "1px"})


def is_hidden(attributes: Mapping[str, str | None]) -> bool:
    """Whether nothing in an element is shown, it is decoration, or only meant for HTML."""
    if "hidden" in attributes:
        return True
    if attributes.get("aria-hidden") == "true":
        return True
    if attributes.get("data-mail-text") == "none":
        return True
    style = attributes.get("style")
    return bool(style) and _hides(style or "")


def _hides(style: str) -> bool:
    words = style.lower()
    if "hid" not in words and "none" not in words and "collapse" not in words:
        return False  # nearly all styles, at a fraction of the time
    if _HIDING_STYLE.search(style):
        return True
    # How previews of the inbox ("preheaders") are kept out of the mail itself.
    return bool(_CUT_OFF.search(style) and _NO_ROOM.search(style))


def is_pixel(attributes: Mapping[str, str | None]) -> bool:
    """Whether an image is a spacer, or counts readers."""
    sizes = (attributes.get("width"), attributes.get("height"))
    if any(size and size.strip() in _PIXEL_SIZES for size in sizes):
        return True
    return bool(_PIXEL_STYLE.search(attributes.get("style") or ""))


class Skipped:
    """An element that is not read: it knows which tag it ends with."""

    __slots__ = ("_depth", "_inner", "_tag")

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._depth = 1
        self._inner = 0
        """Lists and tables that began in it: their items end none of it."""

    def ended_by_start(self, tag: str) -> bool:
        """Whether it is over before this start tag."""
        if not self._inner and self._tag in ENDED_BY:
            inner = tag in SCOPES and self._tag != "p"
            if not inner and tag in ENDED_BY[self._tag]:
                return True
        if tag == self._tag:
            self._depth += 1
        elif tag in SCOPES:
            self._inner += 1
        return False

    def ended_by_end(self, tag: str) -> bool:
        """Whether it is over with this end tag, or was before it."""
        if tag == self._tag:
            if not (self._inner and tag in ENDED_BY):
                self._depth -= 1
            return self._depth <= 0
        if self._inner:
            self._inner -= tag in SCOPES
            return False
        return tag in ENDED_BY.get(self._tag, ())
