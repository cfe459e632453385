"""Tables: those that only place things become flow, the others go on to `data`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django_mailplus.templated.plain_text.blocks import Block
from django_mailplus.templated.plain_text.data import BETWEEN, MOST_COLUMNS, data_blocks
from django_mailplus.templated.plain_text.spacing import BREAK
from django_mailplus.widths import width_of

__all__ = ["Cell", "Table"]

# Without headings, longer texts than this are prose in two columns, and no values.
_LONGEST_VALUE = 120
_RIGHT = re.compile(r"text-align\s*:\s*(?:right|end)", re.IGNORECASE)
_ASCII_NUMBER = re.compile(r"\s*([0-9]{1,4})")


class Cell:
    """A `td` or `th` with what it holds."""

    __slots__ = ("across", "blocks", "down", "heading", "right")

    def __init__(
        self, heading: bool, attributes: Mapping[str, str | None] | None = None
    ) -> None:
        self.heading = heading
        self.blocks: list[Block] = []
        self.across = self.down = 1
        """How many columns and rows it covers."""
        self.right = False
        if attributes:
            self.across = _span(attributes.get("colspan"))
            self.down = _span(attributes.get("rowspan"))
            self.right = _is_right(attributes)

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " ".join(block.inline() for block in self.blocks)

    def is_line(self, room: int) -> bool:
        """Whether it is a single short line, and no button."""
        if len(self.blocks) != 1:
            return False
        block = self.blocks[0]
        if block.verbatim or block.url or block.first != block.rest:
            return False
        return BREAK not in block.text and width_of(block.text) <= room

    def is_value(self) -> bool:
        """Whether it could stand in a table of data that has no headings."""
        return self.is_line(_LONGEST_VALUE) and not self.blocks[0].gap


def _span(value: str | None) -> int:
    match = _ASCII_NUMBER.match(value or "")
    return min(max(int(match[1]), 1), MOST_COLUMNS) if match else 1


def _is_right(attributes: Mapping[str, str | None]) -> bool:
    align = (attributes.get("align") or "").strip().lower()
    return align == "right" or bool(_RIGHT.search(attributes.get("style") or ""))


@dataclass(slots=True, kw_only=True)
class Table:
    """The rows of one table so far."""

    layout: bool
    """It says itself that it is no table of data (`role="presentation"`)."""
    before: str
    """What comes before each of its lines."""
    first: str | None = None
    """What comes before the first one, if it is something else: the mark of an item."""
    rows: list[list[Cell]] = field(default_factory=list)
    dissolved: bool = False
    """Another table began in it, so that it only places things; it holds nothing more."""

    def blocks(self, width: int) -> list[Block]:
        room = width - len(self.before)
        rows = [row for row in self.rows if any(cell.blocks for cell in row)]
        if not self.layout and _has_data(rows):
            blocks = data_blocks(rows, self.before, room)
            if blocks and self.first is not None:
                blocks[0].first = self.first
            return blocks
        return list(_flow(rows, room))


def _has_data(rows: list[list[Cell]]) -> bool:
    filled = [[cell for cell in row if cell.blocks] for row in rows]
    several = sum(len(row) > 1 for row in filled)
    if any(cell.heading for row in filled for cell in row):
        return several > 0
    return several > 1 and all(cell.is_value() for row in filled for cell in row)


def _flow(rows: list[list[Cell]], room: int) -> Iterator[Block]:
    """Cell after cell; short cells of a row share a line, and such lines stand close."""
    close = False
    for row in rows:
        cells = [cell for cell in row if cell.blocks]
        text = _on_one_line(cells, room)
        if text:
            first = cells[0].blocks[0]
            apart = any(cell.blocks[0].gap for cell in cells)
            gap = apart or not close
            yield Block(text, gap=gap, first=first.first, rest=first.rest)
            close = not apart
        else:
            for cell in cells:
                cell.blocks[0].gap = True
                yield from cell.blocks
            close = False


def _on_one_line(cells: list[Cell], room: int) -> str:
    if not all(cell.is_line(room) for cell in cells):
        return ""
    text = BETWEEN.join(cell.text for cell in cells)
    return text if width_of(text) <= room else ""
