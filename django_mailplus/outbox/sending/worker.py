"""Sends what is due until it is told to stop: one loop, one lane for each mailer."""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, OperationalError, close_old_connections, connections

from django_mailplus.outbox import retention
from django_mailplus.outbox.checks import uncommitted
from django_mailplus.outbox.mailers.configured import Sending, sending_mailers
from django_mailplus.outbox.models import database
from django_mailplus.outbox.outage import Outage
from django_mailplus.outbox.rows import reaping
from django_mailplus.outbox.sending.bell import Bell
from django_mailplus.outbox.sending.carried import clock
from django_mailplus.outbox.sending.lane import Lane
from django_mailplus.outbox.states import State

__all__ = ["LONGEST_POLL", "Progress", "Worker"]

logger = logging.getLogger(__name__)

_HOUSEKEEPING = 15.0  # seconds between two looks for mails of dead workers
_TIDYING = 300.0  # seconds between two looks for mails that need no longer be kept
LONGEST_POLL = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a worker has done so far: mails by what their latest try came to."""

    sent: int = 0
    retried: int = 0  # to be tried again later
    failed: int = 0  # given up, partial or unknown
    suppressed: int = 0  # kept back on purpose
    under_way: int = 0  # handed over, no answer yet

    @property
    def done(self) -> int:
        return self.sent + self.retried + self.failed + self.suppressed


_NAMED = {
    "sent": State.SENT,
    "retried": State.QUEUED,
    "suppressed": State.SUPPRESSED,
}


class Worker:
    """`run` returns once `stop` is set, or there is nothing more to do.

    `aliases` are mailers behind an outbox, `concurrency` and `lease` what that outbox says
    where they are None. `on_turn` is called with the progress after every turn. When the
    database has failed for `patience` seconds its error is raised.

    What other threads set is noticed at once if they set `wakeup` as well.
    """

    def __init__(
        self,
        aliases: Sequence[str],
        *,
        concurrency: int | None = None,
        lease: float | None = None,
        poll: float = 1.0,
        max_messages: int | None = None,
        patience: float = math.inf,
        on_turn: Callable[[Progress], None] | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"[:100]
        self.stop = Bell()  # signal handlers set them
        self.wakeup = Bell()
        self.draining = Bell()  # ends it when nothing is due any more
        self._aliases = aliases
        self._concurrency = concurrency
        self._lease = lease
        self._poll = poll
        self._max = max_messages
        self._patience = patience
        self._outage = Outage(first_wait=min(poll, 1.0))
        self._on_turn = on_turn
        self._lanes: list[Lane] = []
        self._looked_after = -_HOUSEKEEPING
        self._leaving: int | None = None  # the status to leave with
        self.is_held_up = False  # it ended though more is due: the rate forbids it

    @property
    def progress(self) -> Progress:
        counts: Counter[State] = Counter()
        for lane in self._lanes:
            counts.update(lane.counts)
        named = {name: counts.pop(state, 0) for name, state in _NAMED.items()}
        return Progress(
            **named,
            failed=counts.total(),
            under_way=sum(lane.under_way for lane in self._lanes),
        )

    def run(self, *, drain: bool = False, once: bool = False) -> None:
        """Until it is stopped; with `drain` until nothing is due, with `once` one round.

        One round is one claim for each mailer, with as many mails as that brings. Raises
        ImproperlyConfigured where the database commits nothing by itself.
        """
        if (text := uncommitted(database())) is not None:
            raise ImproperlyConfigured(text)
        if drain:
            self.draining.set()
        self._lanes = [
            Lane(alias, self._sending(alias), worker=self.name)
            for alias in self._aliases
        ]
        try:
            try:
                self._run(once=once)
            finally:
                if self._leaving is None:
                    self._finish()
        finally:
            if self._leaving is not None:
                self._abandon()
            self._report()
        if self._leaving is not None:
            raise SystemExit(self._leaving)

    def leave(self, status: int) -> None:
        """From a signal handler: give back what was not begun and wait for nothing.

        What is on its way counts as unknown until its lease is over. Raises SystemExit;
        where that strikes a finalizer, which Python ignores, the next turn is the last.
        """
        self._leaving = status
        self.stop.set()
        raise SystemExit(status)

    def _sending(self, alias: str) -> Sending:
        said = sending_mailers().get(alias, Sending())
        return replace(
            said,
            concurrency=self._concurrency or said.concurrency,
            lease=self._lease or said.lease,
        )

    def _run(self, *, once: bool) -> None:
        pause, looked = self._poll, False
        while not self.stop.is_set():
            self.wakeup.clear()
            worked = self._turn(claiming=not (once and looked))
            looked |= not self._outage.is_on
            self._report()
            if worked:
                pause = self._poll
                continue
            rate = min(
                (lane.seconds_until_room() for lane in self._lanes), default=math.inf
            )
            if once or not self._room():
                return
            if self.draining.is_set() and rate > LONGEST_POLL:
                self.is_held_up = rate < math.inf
                return
            self.wakeup.wait(min(pause, rate))
            pause = min(pause * 1.5, max(self._poll, LONGEST_POLL))

    def _finish(self) -> None:
        """Hear of what is on its way; what was not begun is given back before.

        Where the database fails it is asked again: who forgot would send twice.
        """
        until = time.monotonic() + max(
            (lane.patience for lane in self._lanes), default=0
        )
        try:
            while self._leaving is None and not self._finished(until):
                if time.monotonic() >= until:  # others have them anyway
                    raise OperationalError("What became of mails is not recorded")
                connections[database()].close()
                time.sleep(self._outage.wait)
        finally:
            if self._leaving is None:
                for lane in self._lanes:
                    if not lane.is_waiting:
                        lane.close()

    def _finished(self, until: float) -> bool:
        try:
            for lane in self._lanes:
                lane.give_back()
            while self._leaving is None and self.progress.under_way:
                if time.monotonic() >= until:
                    logger.error(
                        "No answer for %d mails; they are another worker's when their "
                        "leases end",
                        self.progress.under_way,
                    )
                    break
                self._hear()
            self._hear()
        except Error as error:
            if connections[database()].in_atomic_block:
                raise
            self._outage.note(error, "What became of mails is yet to be recorded.")
            return False
        return True

    def _hear(self) -> None:
        for lane in self._lanes:
            lane.turn(room=0)
        self._report()

    def _abandon(self) -> None:
        """In haste: a signal may have struck in the middle of anything."""
        if not connections[database()].in_atomic_block:
            connections[database()].close()  # it may be waiting for an answer
        try:
            for lane in self._lanes:
                lane.abandon()
        except Error as error:
            _log("Mails could not be given back; their leases will end", error)

    def _turn(self, *, claiming: bool) -> bool:
        try:
            if self._outage.is_on:
                _query()  # a turn may need none
            # Whoever holds mails renews their leases before it looks for dead workers.
            holds = any(lane.is_waiting for lane in self._lanes)
            worked = not holds and self._look_after()
            begun = clock()
            for lane in self._lanes:
                worked |= lane.turn(room=self._room() if claiming else 0)
            if any(clock() - begun > lane.lease / 3 for lane in self._lanes):
                self._give_others_time()
            worked |= self._look_after()
        except Error as error:
            self._give_others_time()
            if connections[database()].in_atomic_block:
                raise
            self._sit_out(error)
            return True
        self._outage.end()
        return worked

    def _sit_out(self, error: Error) -> None:
        if self._outage.is_longer(self._patience):
            raise error
        self._outage.note(error)
        close_old_connections()
        self.wakeup.wait(self._outage.wait)

    def _room(self) -> int:
        """How many mails may still be claimed."""
        if self._max is None:
            return sys.maxsize
        return self._max - sum(lane.claimed for lane in self._lanes)

    def _report(self) -> None:
        if self._on_turn is not None:
            self._on_turn(self.progress)

    def _look_after(self) -> bool:
        """Whether there was something to do."""
        now, freed = time.monotonic(), 0
        if now - self._looked_after >= _HOUSEKEEPING:
            self._looked_after = now
            freed = reaping.reap()
        _tidy()
        return freed > 0

    def _give_others_time(self) -> None:
        """Where all stood still, leases are over of workers that are alive."""
        self._looked_after = time.monotonic()


# Not at once: who sends a few mails need not wait for it.
_tidied = time.monotonic()


def _tidy() -> None:
    """Whichever worker of this process it is: most end when nothing is due."""
    global _tidied
    if time.monotonic() - _tidied >= _TIDYING:
        _tidied = time.monotonic()
        retention.light_pass()


def _query() -> None:
    with connections[database()].cursor() as cursor:
        cursor.execute("SELECT 1")


def _log(what: str, error: Error) -> None:
    """Without the error's words, which may be those of a row."""
    logger.error("%s (%s)", what, type(error).__name__)
