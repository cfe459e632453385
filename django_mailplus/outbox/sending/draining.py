"""Send what is due and come back: for hints that arrive, and for `dispatch="inline"`."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.sending.worker import Progress, Worker

__all__ = ["Drained", "drain", "is_draining", "look_again_in"]

_PASSED_OVER = 3  # times to look once more for what is due, and was not to be had
_A_MOMENT = 0.05  # seconds before each of them
_IN_TROUBLE = 30.0  # seconds after which it gives up when nothing gets on
_LATER = 1.0  # seconds; a hint too early is for nothing, and clocks differ a little
_LONGEST_AHEAD = 900.0  # seconds; brokers do not like to keep a message for longer

_here = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """`stopped` says that there may be more, which the limits did not allow."""

    tried: int = 0
    retried: int = 0
    stopped: bool = False


def is_draining() -> bool:
    """Whether this thread does it already, further up."""
    return getattr(_here, "wanted", None) is not None


def drain(
    mailers: Iterable[str],
    *,
    limit: int | None = None,
    seconds: float | None = None,
) -> Drained:
    """Send what is due, `limit` mails at most, beginning none after so many seconds.

    What becomes of a mail is in its row, never raised. A drain within a drain, by a
    receiver of a signal that sends a mail, is done by the one that is going on.
    """
    if is_draining():
        _here.wanted.update(mailers)
        return Drained()
    _here.wanted = set(mailers)
    until = None if seconds is None else time.monotonic() + seconds
    done, passed_over = Drained(), 0
    try:
        while _here.wanted and not done.stopped:
            wanted = sorted(_here.wanted)
            _here.wanted.clear()
            left = None if limit is None else limit - done.tried
            done = _plus(done, _once(wanted, limit=left, until=until))
            if not done.stopped and passed_over < _PASSED_OVER:
                # InnoDB locks a row beside those that another worker claims, for a
                # moment in which it is skipped.
                still_due = {name for name in wanted if seconds_until_due(name) == 0}
                _here.wanted |= still_due
                if still_due:
                    passed_over += 1
                    time.sleep(_A_MOMENT)
    finally:
        _here.wanted = None
    return done


def _once(mailers: list[str], *, limit: int | None, until: float | None) -> Drained:
    watch = _Watch(until)
    worker = Worker(mailers, max_messages=limit, on_turn=watch)
    watch.worker = worker
    worker.run(drain=True)
    seen = worker.progress
    full = limit is not None and seen.done >= limit
    return Drained(
        tried=seen.done,
        retried=seen.retried,
        stopped=full or worker.stop.is_set() or worker.is_held_up,
    )


def _plus(one: Drained, other: Drained) -> Drained:
    return Drained(
        tried=one.tried + other.tried,
        retried=one.retried + other.retried,
        stopped=other.stopped,
    )


class _Watch:
    """Stops a worker at a time, or when the database is in trouble for too long."""

    def __init__(self, until: float | None) -> None:
        self.worker: Worker | None = None
        self._until = until
        self._seen = Progress()
        self._moved = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress != self._seen or progress.under_way:
            self._seen, self._moved = progress, now
        late = self._until is not None and now >= self._until
        if self.worker is not None and (late or now >= self._moved + _IN_TROUBLE):
            self.worker.stop.set()


def look_again_in(mailer: str, drained: Drained) -> float | None:
    """In how many seconds whoever drained should send a hint; None for never.

    Only for what it left itself: hints would multiply if each saw to the mails of all.
    """
    if not (drained.stopped or drained.retried):
        return None
    wait = seconds_until_due(mailer)
    if wait is None or wait > _LONGEST_AHEAD:
        return None
    if wait == 0:
        return 0.0 if drained.stopped and drained.tried else _LATER
    return wait + _LATER
