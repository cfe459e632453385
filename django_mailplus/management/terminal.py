"""Text that fits a terminal: what it can show, and tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence

from django.core.management.base import OutputWrapper
from django.core.management.color import Style, no_style, supports_color

from django_mailplus.viewer import clean_line
from django_mailplus.widths import width_of, widths

__all__ = [
    "CLEAR_LINE",
    "columns_of",
    "cut",
    "is_live",
    "pad",
    "style_of",
    "table",
]

CLEAR_LINE = "\r\x1b[K"
"""To the beginning of the line, and erase to its end."""

_GAP = "  "
_LEAST = 6  # columns to which a text is cut for the sake of others


def style_of(style: Style, *, forced: bool) -> Style:
    """Without colours where the environment has NO_COLOR (no-color.org)."""
    return no_style() if os.environ.get("NO_COLOR") and not forced else style


def is_live(out: OutputWrapper) -> bool:
    """Whether a line can be written over."""
    if not out.isatty():
        return False
    if os.name == "nt":
        return bool(supports_color())
    return os.environ.get("TERM", "dumb") != "dumb"


def columns_of(out: OutputWrapper) -> int | None:
    """How wide a terminal is; None for a file or a pipe, which take any width."""
    if not out.isatty():
        return None
    try:
        return os.get_terminal_size(out.fileno()).columns or None
    except (OSError, ValueError):
        return shutil.get_terminal_size().columns


def cut(text: str, width: int) -> str:
    """The beginning of a text, with an ellipsis where it goes on."""
    if width_of(text) <= width:
        return text
    room, kept = width - 1, 0
    for taken in widths(text):
        room -= taken
        if room < 0:
            break
        kept += 1
    return f"{text[:kept]}…" if width > 0 else ""


def pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    columns: int | None,
    right: Collection[int] = (),
    elastic: Collection[int] = (),
) -> list[str]:
    """Lines, `head` first, no wider than `columns`; all in full where that is None.

    The columns of the table that are `elastic` give way first, the widest before the
    others. What comes from outside is cleaned here.
    """
    clean = [[clean_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(width_of, column)) for column in zip(*clean, strict=True)]
    if columns is not None:
        _squeeze(widths, columns - len(_GAP) * (len(widths) - 1), elastic)
    lines = []
    for row in clean:
        cells = [
            pad(cut(cell, width), width, right=place in right)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = _GAP.join(cells).rstrip()
        lines.append(line if columns is None else cut(line, columns))
    return lines


def _squeeze(widths: list[int], room: int, elastic: Collection[int]) -> None:
    while (excess := sum(widths) - room) > 0:
        widest = max(elastic, key=lambda place: widths[place], default=None)
        if widest is None or widths[widest] <= _LEAST:
            return
        others = [widths[place] for place in elastic if place != widest]
        down_to = max(
            _LEAST,
            widths[widest] - excess,
            min(widths[widest] - 1, max(others, default=0)),
        )
        widths[widest] = down_to
