"""One colour of a brand, and those that are readable on it and beside it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

__all__ = ["Palette", "palette"]

_ENOUGH = 4.5  # to 1; WCAG 2.2, 1.4.3, for text of usual size
_DARK_CARD = (0x1E, 0x23, 0x2B)
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)  # of which one or white can be read on any colour

_Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours as #rrggbb: of buttons, of what stands on them, of links on a dark ground."""

    accent: str
    on_accent: str
    accent_on_dark: str


@functools.lru_cache(maxsize=64)
def palette(accent: str) -> Palette:
    """What goes with a colour. Raises ImproperlyConfigured for what is no #rrggbb."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", accent):
        raise ImproperlyConfigured(
            f"MAILPLUS['MAIL_ACCENT_COLOR'] is {accent!r}. Write a colour as #rrggbb, such "
            "as '#1f5fbf': mail programs read it in every mail."
        )
    red, green, blue = bytes.fromhex(accent[1:])
    colour = (red, green, blue)
    readable = max((_WHITE, _BLACK), key=lambda text: _contrast(text, colour))
    return Palette(
        accent=accent,
        on_accent=_hex(readable),
        accent_on_dark=_hex(_lightened(colour, _DARK_CARD)),
    )


def _lightened(colour: _Colour, ground: _Colour) -> _Colour:
    """The colour with as much white in it as it takes to be read on the ground."""
    for share in range(0, 101, 5):
        mixed = _mix(colour, share / 100)
        if _contrast(mixed, ground) >= _ENOUGH:
            return mixed
    return _WHITE


def _mix(colour: _Colour, share: float) -> _Colour:
    red, green, blue = (round(value + (255 - value) * share) for value in colour)
    return red, green, blue


def _contrast(one: _Colour, other: _Colour) -> float:
    """Of two colours, 1 to 21; WCAG 2.2, definition of contrast ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: _Colour) -> float:
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return (
        value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
    )


def _hex(colour: _Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
