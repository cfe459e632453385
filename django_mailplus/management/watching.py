"""How a worker is doing, for a terminal and for a log: counts, never an address."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.core.management.color import Style

from django_mailplus.figures import count_of, duration
from django_mailplus.management.screen import Screen
from django_mailplus.management.terminal import cut
from django_mailplus.management.waiting import Waiting, Watch
from django_mailplus.outbox.sending.worker import Progress
from django_mailplus.viewer import clean_line
from django_mailplus.widths import width_of

__all__ = ["Bar", "Line", "Log", "Report"]

_REDRAWN = 0.2  # seconds between two pictures: more often nobody can read
_LOGGED = 10.0  # seconds between two lines of a log
_RATE_OVER = 10.0  # seconds


class Rate:
    """Mails per second of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def of(self, done: int) -> float:
        now = time.monotonic()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _RATE_OVER:
            self._seen.popleft()
        since, before = self._seen[0]
        return (done - before) / (now - since) if now > since else 0.0


class Report(ABC):
    """`show` is called often; what it costs is bounded. It raises nothing."""

    looks_every = 2.0  # seconds between two looks at the database

    def __init__(self, screen: Screen, style: Style, aliases: Sequence[str]) -> None:
        self._screen = screen
        self._style = style
        self._watch = Watch(aliases, every=self.looks_every)
        self._started = time.monotonic()
        self._rate = Rate()
        self._last = 0.0
        self._latest = Progress()
        self._paused: dict[str, str] = {}
        self.stopping = False
        self._told = False

    def begin(self, text: str) -> None:
        self._screen.line(text)

    def show(self, progress: Progress) -> None:
        self._latest = progress
        if self.stopping and not self._told:
            self._told = True
            if progress.under_way:
                self._screen.line(
                    f"{self._stamp()}Finishing {count_of(progress.under_way, 'mail')} on "
                    "the way. Once more to leave at once."
                )
        now = time.monotonic()
        if now - self._last >= self.every:
            self._last = now
            waiting = self._watch.look() or Waiting()
            for line in self._changes(waiting):
                self._screen.line(f"{self._stamp()}{line}")
            self._draw(progress, waiting)

    def end(self, how: str) -> None:
        """The sum of it all."""
        waiting = None if self.stopping else self._watch.look(now=True)
        facts = [
            f"{self._latest.sent:,} sent",
            *_troubles(self._latest, self._style),
        ]
        if waiting is not None and waiting.due:
            facts.append(f"{waiting.due:,} due")
            facts += _pauses(waiting, self._style)
        spent = duration(time.monotonic() - self._started)
        self._screen.clear()
        self._screen.line(f"{self._stamp()}{how} after {spent}: {', '.join(facts)}.")

    def _stamp(self) -> str:
        return ""

    every = _REDRAWN

    @abstractmethod
    def _draw(self, progress: Progress, waiting: Waiting) -> None: ...

    def _changes(self, waiting: Waiting) -> Iterator[str]:
        for alias in waiting.paused.keys() - self._paused.keys():
            reason = clean_line(waiting.paused[alias]) or "by hand"
            yield self._style.WARNING(f"{_name(alias)} is paused: {reason}")
        for alias in self._paused.keys() - waiting.paused.keys():
            yield self._style.SUCCESS(f"{_name(alias)} is no longer paused")
        self._paused = dict(waiting.paused)

    def _fitting(self, facts: Sequence[str]) -> str:
        """As many of them, the first being the most important, as there is room for."""
        room = self._screen.columns
        shown = ""
        for fact in facts:
            longer = f"{shown}{' · ' if shown else ''}{fact}"
            if width_of(longer) <= room:
                shown = longer
        shown = shown or cut(facts[0], room)
        return shown if self._screen.can_show(shown) else shown.replace("·", "|")


class Line(Report):
    """The state of a worker on a terminal."""

    def _draw(self, progress: Progress, waiting: Waiting) -> None:
        facts = [
            f"{self._rate.of(progress.done):,.1f}/s",
            f"{progress.sent:,} sent",
            f"{waiting.due:,} due",
            *_pauses(waiting),
            *_troubles(progress),
            *_oldest(waiting),
            f"{progress.under_way} on the way",
        ]
        text = self._fitting(facts)
        loud = waiting.paused or self.stopping
        self._screen.bottom(self._style.WARNING(text) if loud else text)


class Bar(Report):
    """How far a worker is that ends when nothing is due."""

    _total = 0

    def _draw(self, progress: Progress, waiting: Waiting) -> None:
        done = progress.done
        self._total = max(self._total, done + progress.under_way, done + waiting.due)
        rate = self._rate.of(done)
        share = done / self._total if self._total else 1.0
        facts = [f"{int(share * 100):3d} %", f"{done:,} of {self._total:,}"]
        if rate and done < self._total:
            facts.append(f"{duration((self._total - done) / rate)} left")
        facts += [
            f"{rate:,.1f}/s",
            *_pauses(waiting),
            *_troubles(progress),
        ]
        text = self._fitting(facts)
        room = min(self._screen.columns - width_of(text) - 2, 40)
        bar = f"{self._picture(share, room)}  " if room >= _SHORTEST else ""
        self._screen.bottom(f"{self._style.SUCCESS(bar) if bar else ''}{text}")

    def _picture(self, share: float, width: int) -> str:
        full, empty = ("█", "░") if self._screen.can_show("█░") else ("#", "-")
        filled = int(share * width)
        return full * filled + empty * (width - filled)


_SHORTEST = 8  # columns of a bar


class Log(Report):
    """A line now and then, if something happened; for files and supervisors."""

    every = _LOGGED
    looks_every = _LOGGED

    def __init__(self, screen: Screen, style: Style, aliases: Sequence[str]) -> None:
        super().__init__(screen, style, aliases)
        self._before = Progress()
        self._drawn = time.monotonic()
        self._last = self._drawn

    def begin(self, text: str) -> None:
        self._screen.line(f"{self._stamp()}{text}")

    def _stamp(self) -> str:
        return f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} "

    def _draw(self, progress: Progress, waiting: Waiting) -> None:
        now, before = time.monotonic(), self._before
        done = progress.done - before.done
        if done:
            news = Progress(
                sent=progress.sent - before.sent,
                retried=progress.retried - before.retried,
                failed=progress.failed - before.failed,
                suppressed=progress.suppressed - before.suppressed,
            )
            facts = [
                f"{news.sent:,} sent",
                *_troubles(news),
                f"{done / (now - self._drawn):,.1f}/s",
                f"{waiting.due:,} due",
                *_oldest(waiting),
            ]
            self._screen.line(f"{self._stamp()}{', '.join(facts)}")
        self._before, self._drawn = progress, now


def _troubles(progress: Progress, style: Style | None = None) -> Iterator[str]:
    """Only where there are some."""
    if progress.retried:
        yield f"{progress.retried:,} to be retried"
    if progress.suppressed:
        yield f"{progress.suppressed:,} suppressed"
    if progress.failed:
        text = f"{progress.failed:,} failed"
        yield style.ERROR(text) if style else text


def _pauses(waiting: Waiting, style: Style | None = None) -> Iterator[str]:
    if waiting.paused:
        text = f"{', '.join(map(_name, waiting.paused))} paused"
        yield style.WARNING(text) if style else text


def _oldest(waiting: Waiting) -> Iterator[str]:
    if waiting.oldest >= 1:
        yield f"oldest {duration(waiting.oldest)}"


def _name(alias: str) -> str:
    return clean_line(alias) or "the mailer"
