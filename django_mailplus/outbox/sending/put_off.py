"""Mails that one way through a router has no room for, while the other ways go on.

A router that chooses the way by the message notes on an error which way it is of.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Hashable

__all__ = ["PutOff", "note_way", "way_of"]

_WAY = "mailplus_way"
_AT_ONCE = 0.01  # seconds that a mail waits at least: others are to come first
_IN_LINE = 30.0  # seconds behind others, at most: urgent mail has no better place


def note_way(error: BaseException, way: Hashable) -> None:
    """That it speaks for this way alone; of routers in a row the last one knows best."""
    if way_of(error) is None:
        setattr(error, _WAY, way)


def way_of(error: BaseException) -> Hashable | None:
    """None for an error that speaks for the whole mailer."""
    return getattr(error, _WAY, None)


class PutOff:
    """Until when they wait: in line, for all that are due at once would be asked at once."""

    def __init__(self) -> None:
        self._ends: dict[Hashable, float] = {}  # time.monotonic()
        self._due: list[float] = []

    def seconds_for(self, way: Hashable, until_room: float) -> float:
        """How long another mail waits, where there is room for one in so many seconds."""
        now, each = time.monotonic(), max(until_room, _AT_ONCE)
        end = max(self._ends.get(way, now), now) + each
        self._ends[way] = end = min(end, now + each + _IN_LINE)
        return end - now

    def note(self, seconds: float) -> None:
        """From now on one waits for so long."""
        heapq.heappush(self._due, time.monotonic() + seconds)

    def look(self) -> None:
        """Who is due by now is looked for, and may be there or not."""
        now = time.monotonic()
        while self._due and self._due[0] <= now:
            heapq.heappop(self._due)

    def seconds(self) -> float:
        """Until the first of them is to be looked for; inf where none waits."""
        return max(0.0, self._due[0] - time.monotonic()) if self._due else math.inf
