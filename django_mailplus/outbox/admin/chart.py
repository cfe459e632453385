"""Numbers of the last minutes as bars: the geometry of an SVG that a template draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HEIGHT", "STEP", "Bar", "Chart", "draw"]

STEP = 10  # units of the drawing for one bar and the gap after it
GAP = 2
HEIGHT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    x: int
    y: float
    height: float
    width: int
    count: int
    ago: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`top` is what the full height means: a round number, not below the highest bar."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    top: int
    total: int
    most: int


def draw(counts: Sequence[int]) -> Chart:
    """One bar for each count, the newest at the right."""
    most = max(counts, default=0)
    top = _round_up(most)
    return Chart(
        bars=tuple(
            _bar(place, count, len(counts) - 1 - place, top)
            for place, count in enumerate(counts)
        ),
        width=max(len(counts) * STEP - GAP, 1),
        height=HEIGHT,
        top=top,
        total=sum(counts),
        most=most,
    )


def _bar(place: int, count: int, ago: int, top: int) -> Bar:
    # One mail among thousands is still to be seen.
    height = max(round(count / top * HEIGHT, 2), 2.0) if count else 0.0
    return Bar(
        x=place * STEP,
        y=round(HEIGHT - height, 2),
        height=height,
        width=STEP - GAP,
        count=count,
        ago=ago,
    )


def _round_up(number: int) -> int:
    """The next of 1, 2, 4, 6, 10, 20, 40, 60, 100 ...: half of it is round, too."""
    power = 1
    while True:
        for step in (1, 2, 4, 6):
            if step * power >= number:
                return step * power
        power *= 10
