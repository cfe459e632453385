"""Tables of data: columns where they fit, else a record for each row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from django_mailplus.templated.plain_text.blocks import Block
from django_mailplus.templated.plain_text.spacing import BREAK
from django_mailplus.widths import width_of

__all__ = ["BETWEEN", "MOST_COLUMNS", "data_blocks"]

BETWEEN = "  "
"""What stands between two columns."""
MOST_COLUMNS = 30
"""No table with more fits into a mail; spans are not followed beyond."""
_LONGEST_LABEL = 30
_NUMBER = re.compile(
    r"[-+\u2212(]{0,2}(?:[A-Z]{3}[ \x00]?|[€$£¥₹][ \x00]?)?[-+\u2212]?"
    r"[0-9][0-9.,'\u2019 \x00]*(?:%|[€$£¥₹]|[A-Z]{3})?\)?"
)


class _Cell(Protocol):
    heading: bool
    right: bool
    across: int
    down: int

    @property
    def text(self) -> str: ...


class _Value:
    """A cell whose text is read once."""

    __slots__ = ("across", "heading", "right", "size", "text")

    def __init__(self, cell: _Cell) -> None:
        self.text = cell.text
        self.size = width_of(self.text)
        self.heading = cell.heading
        self.across = cell.across
        self.right = cell.right


_Row = dict[int, _Value]
"""Values by the number of the column they begin in."""


def data_blocks(rows: Sequence[Sequence[_Cell]], before: str, room: int) -> list[Block]:
    """One block with all of the table, or blocks of records where it is wider than `room`."""
    grid = _grid(rows)
    headed = len(grid) > 1 and all(value.heading for value in grid[0].values())
    if text := _aligned(grid, headed, room):
        return [Block(text, gap=True, first=before, rest=before, verbatim=True)]
    records = _records(grid) if headed else _pairs(grid)
    return [
        Block(text, gap=gap, first=before, rest=before) for text, gap in records if text
    ]


def _grid(rows: Sequence[Sequence[_Cell]]) -> list[_Row]:
    """Each cell in its column, with regard to what reaches down from rows above."""
    grid: list[_Row] = []
    reaching: dict[int, int] = {}
    for row in rows:
        taken = reaching
        reaching = {column: rest - 1 for column, rest in taken.items() if rest > 1}
        placed: _Row = {}
        column = 0
        for cell in row:
            while column in taken:
                column += 1
            placed[column] = _Value(cell)
            if cell.down > 1 and column < MOST_COLUMNS:
                below = range(column, column + cell.across)
                reaching.update(dict.fromkeys(below, cell.down - 1))
            column += cell.across
        grid.append(placed)
    return grid


def _aligned(grid: list[_Row], headed: bool, room: int) -> str:
    """The lines of all rows, or nothing if they are too wide."""
    sizes = _sizes(grid)
    if not sizes or sum(sizes.values()) + len(BETWEEN) * (len(sizes) - 1) > room:
        return ""
    body = grid[headed:]
    right = {
        number
        for number in sizes
        if _is_right(row[number] for row in body if number in row)
    }
    lines = [_line(row, sizes, right) for row in grid]
    if headed:
        lines.insert(1, BETWEEN.join("-" * size for size in sizes.values()))
    return "\n".join(lines)


def _sizes(grid: list[_Row]) -> dict[int, int]:
    """How wide each column is that holds anything; none at all if there are too many."""
    sizes: dict[int, int] = {}
    if max(map(len, grid)) > MOST_COLUMNS:
        return sizes
    for row in grid:
        for number, value in row.items():
            if value.size and value.across == 1:
                sizes[number] = max(sizes.get(number, 0), value.size)
    for row in grid:
        for number, value in row.items():
            if value.size and value.across > 1:
                _widen(sizes, number, value)
    return dict(sorted(sizes.items()))


def _widen(sizes: dict[int, int], number: int, value: _Value) -> None:
    """Gives room to a value that covers several columns: to the last one of them."""
    covered = [n for n in range(number, number + value.across) if n in sizes]
    last = covered[-1] if covered else number
    missing = value.size - _together(sizes[n] for n in covered)
    if missing > 0:
        sizes[last] = sizes.get(last, 0) + missing


def _together(sizes: Iterable[int]) -> int:
    sizes = list(sizes)
    return sum(sizes) + len(BETWEEN) * (len(sizes) - 1) if sizes else 0


def _is_right(values: Iterable[_Value]) -> bool:
    filled = [value for value in values if value.size]
    return bool(filled) and (
        all(value.right for value in filled)
        or all(_NUMBER.fullmatch(value.text) for value in filled)
    )


def _line(row: _Row, sizes: dict[int, int], right: set[int]) -> str:
    parts = []
    covered_to = -1
    for number, size in sizes.items():
        if number < covered_to:
            continue
        value = row.get(number)
        if value is None:
            parts.append(" " * size)
            continue
        covered_to = number + value.across
        if value.across > 1:
            size = _together(s for n, s in sizes.items() if number <= n < covered_to)
        space = " " * (size - value.size)
        to_right = value.right or (value.across == 1 and number in right)
        parts.append(space + value.text if to_right else value.text + space)
    return BETWEEN.join(parts).rstrip()


def _records(grid: list[_Row]) -> list[tuple[str, bool]]:
    """`Heading: value`, one to a line, with a blank line between rows."""
    headings = grid[0]
    return [
        (
            BREAK.join(
                _labelled(headings[number].text if number in headings else "", value)
                for number, value in row.items()
                if value.text
            ),
            True,
        )
        for row in grid[1:]
    ]


def _pairs(grid: list[_Row]) -> list[tuple[str, bool]]:
    """Rows without headings: where the first value can name the second one, it does."""
    records = []
    close = False
    for row in grid:
        values = [value for value in row.values() if value.text]
        if len(values) == 2 and values[0].size <= _LONGEST_LABEL:
            records.append((_labelled(values[0].text, values[1]), not close))
            close = True
        else:
            records.append((BREAK.join(value.text for value in values), True))
            close = False
    return records


def _labelled(label: str, value: _Value) -> str:
    if not label:
        return value.text
    return f"{label} {value.text}" if label.endswith(":") else f"{label}: {value.text}"
