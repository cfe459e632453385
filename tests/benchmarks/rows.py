"""The rows of the table: what is measured, how often, and how far away the server is."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import contests, corpus, memory, servers
from benchmarks.contests import Stage
from benchmarks.rounds import Contestant, Score, race
from benchmarks.table import Line, rate, ratio

__all__ = ["ROWS", "MemoryRow", "Row", "TimedRow"]

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRow:
    """Contestants, Django's backend first and ours second, with messages of each round."""

    name: str
    title: str
    count: int
    quick: int
    rounds: int
    contestants: Callable[[Stage], list[Contestant]]
    clock: Callable[[], float] = time.perf_counter
    missing: Callable[[], str] = str
    """Why nobody can be measured here, or an empty text."""

    def lines(
        self, stage: Stage, *, quick: bool = False, rounds: int | None = None
    ) -> Iterator[Line]:
        if reason := self.missing():
            yield Line(title=self.title, note=reason)
            return
        count = self.quick if quick else self.count
        rounds = rounds or (1 if quick else self.rounds)
        base, *others = race(
            self.contestants(stage), count=count, rounds=rounds, clock=self.clock
        )
        for number, score in enumerate(others):
            title = f"beside it: {score.contestant.name}" if number else self.title
            yield _line(title, score, base)


def _line(title: str, score: Score, base: Score) -> Line:
    if score.contestant.missing:
        return Line(
            title=title, django=rate(base.seconds), note=score.contestant.missing
        )
    return Line(
        title=title,
        times=ratio(score.ratio),
        spread=f"{ratio(score.lowest)} to {ratio(score.highest)}",
        django=rate(base.seconds),
        measured=rate(score.seconds),
        note=score.contestant.note,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRow:
    """Flat if what is measured does not grow with the number of messages."""

    name: str
    title: str
    count: int
    quick: int
    traced_share: int
    """tracemalloc makes everything some four times slower: it sees fewer messages."""

    def lines(
        self, stage: Stage, *, quick: bool = False, rounds: int | None = None
    ) -> Iterator[Line]:
        count = self.quick if quick else self.count
        kinds = (
            ("rss", "peak RSS growth", count),
            ("traced", "tracemalloc", count // self.traced_share),
        )
        for kind, words, number in kinds:
            theirs, ours = (
                memory.growth(peer, kind, port=stage.sink, count=number)
                for peer in ("django", "ours")
            )
            yield Line(
                title=self.title.format(count=number, words=words),
                # Under a megabyte it is the allocator that is measured.
                times=ratio(max(theirs, _MEGABYTE) / max(ours, _MEGABYTE)),
                django=f"{theirs / _MEGABYTE:.1f} MB",
                measured=f"{ours / _MEGABYTE:.1f} MB",
            )


Row = TimedRow | MemoryRow


def _timed(
    name: str,
    title: str,
    contestants: Callable[[Stage], list[Contestant]],
    *,
    count: int,
    quick: int,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    missing: Callable[[], str] = str,
) -> TimedRow:
    return TimedRow(
        name=name,
        title=title,
        contestants=contestants,
        count=count,
        quick=quick,
        rounds=rounds,
        clock=clock,
        missing=missing,
    )


_ALL: list[Row] = [
    _timed(
        "bytes",
        "bytes of a 9 kB text + HTML message, ASCII",
        functools.partial(contests.as_bytes, corpus.english),
        count=300,
        quick=20,
        rounds=11,
        clock=time.process_time,
    ),
    _timed(
        "bytes-unicode",
        "the same with non-ASCII subject, names and bodies",
        functools.partial(contests.as_bytes, corpus.german),
        count=300,
        quick=20,
        rounds=11,
        clock=time.process_time,
    ),
    _timed(
        "bytes-attachment",
        "the same with a 400 kB attachment shared by a batch",
        functools.partial(contests.as_bytes, corpus.with_attachment),
        count=30,
        quick=3,
        rounds=7,
        clock=time.process_time,
    ),
    _timed(
        "batch",
        "batch, one connection, loopback",
        contests.loopback,
        count=1000,
        quick=20,
        rounds=7,
    ),
    *(
        _timed(
            f"batch-{rtt}",
            f"batch, one connection, {rtt} ms",
            functools.partial(contests.batch, rtt),
            count=count,
            quick=quick,
            rounds=3,
        )
        for rtt, count, quick in ((5, 200, 5), (20, 100, 3), (80, 30, 1))
    ),
    _timed(
        "concurrency",
        "batch, concurrency=8, 20 ms",
        functools.partial(contests.batch, 20, concurrency=8, pool_size=8),
        count=160,
        quick=4,
        rounds=3,
    ),
    _timed(
        "single",
        "one send_mail at a time, warm, 20 ms, STARTTLS + AUTH",
        contests.one_by_one,
        count=20,
        quick=1,
        rounds=5,
        missing=servers.missing_certificate,
    ),
    MemoryRow(
        name="memory",
        title="memory, {count:,} messages from a generator, {words}",
        count=20_000,
        quick=100,
        traced_share=10,
    ),
]

ROWS: dict[str, Row] = {row.name: row for row in _ALL}
"""Every row by the name that `--rows` takes, in the order of the table."""
