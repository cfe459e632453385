"""Measuring in rounds: in each one everybody does the same work, one after another.

Ratios are taken within a round, so that what slows a whole round down slows no ratio.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Contestant", "Score", "profiled", "race"]


Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """`prepare(count)` is not measured; `work` with its outcome is, and says how many."""

    name: str
    prepare: Callable[[int], Any]
    work: Callable[[Any], int]
    missing: str = ""
    """Why it cannot take part, if it cannot; the first always can."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Times are per message, in seconds; ratios are to the first contestant's."""

    contestant: Contestant
    seconds: float = 0.0
    ratio: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0


def _timed(contestant: Contestant, count: int, clock: Clock) -> float:
    prepared = contestant.prepare(count)
    gc.collect()  # what one leaves behind is not swept up at the expense of the next
    started = clock()
    done = contestant.work(prepared)
    elapsed = clock() - started
    if done != count:
        raise RuntimeError(f"{contestant.name}: {done} of {count} messages done")
    return elapsed / count


def _warm_up(contestant: Contestant, count: int) -> None:
    _timed(contestant, max(1, count // 10), time.perf_counter)


def race(
    contestants: Sequence[Contestant],
    *,
    count: int,
    rounds: int,
    clock: Clock = time.perf_counter,
) -> list[Score]:
    """A score for each contestant; the first is what the others are compared with.

    Work that waits for nobody is better measured by `time.process_time`: what else the
    machine does is then in no figure.
    """
    running = [c for c in contestants if not c.missing]
    times: dict[str, list[float]] = {c.name: [] for c in running}
    for contestant in running:
        _warm_up(contestant, count)
    for number in range(rounds):
        # Whoever begins may find the processor cooler, or the server colder.
        turn = number % len(running)
        for contestant in running[turn:] + running[:turn]:
            times[contestant.name].append(_timed(contestant, count, clock))
    base = times[contestants[0].name]
    return [
        Score(contestant=c) if c.missing else _score(c, base, times[c.name])
        for c in contestants
    ]


def _score(
    contestant: Contestant, base: Sequence[float], own: Sequence[float]
) -> Score:
    ratios = [theirs / ours for theirs, ours in zip(base, own, strict=True)]
    return Score(
        contestant=contestant,
        seconds=statistics.median(own),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
    )


def profiled(contestant: Contestant, *, count: int) -> str:
    """Where the time of one contestant goes, by function, its own time first."""
    import cProfile
    import io
    import pstats

    if contestant.missing:
        return f"{contestant.name}: {contestant.missing}"
    _warm_up(contestant, count)
    prepared = contestant.prepare(count)
    with cProfile.Profile() as profile:
        contestant.work(prepared)
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(30)
    return text.getvalue()
