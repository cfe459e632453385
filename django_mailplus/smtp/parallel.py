"""Several sessions at once, each with its thread; every message is tried.

A session that breaks takes down the one message it was busy with. A server that allows
fewer connections than were asked for gets the messages over those that it allows.
"""

from __future__ import annotations

import math
import queue
import smtplib
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from contextvars import copy_context
from typing import Generic, Literal, TypeVar

from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.jobs import Job
from django_mailplus.smtp.pool import Pool
from django_mailplus.smtp.sending import Leased, send_leased
from django_mailplus.smtp.transaction import Transaction

__all__ = ["Stream", "send_parallel"]

L = TypeVar("L")

_KEEPS_THE_SESSION = 0.1  # seconds without a job; then others may have it


def send_parallel(
    pool: Pool[SMTP | SMTP_SSL], jobs: Iterable[tuple[L, Job]], *, connections: int
) -> Generator[tuple[L, Transaction], None, None]:
    """Send each job, which comes with a label; yields labels and outcomes as they come.

    Reads a few jobs ahead for each connection. What the network does is in the outcomes,
    not raised; what `jobs` raises is raised after the outcomes of the jobs before. An
    interrupt, too: the messages on their way finish, and the others are not sent.
    Closing the generator does the same, but tells no outcomes.
    """
    stream = Stream[L](pool, connections=connections, room=connections)
    try:
        yield from _outcomes(stream.desk, jobs)
    finally:
        stream.close()


class Stream(Generic[L]):
    """Jobs in and outcomes out, each whenever it suits."""

    def __init__(
        self, pool: Pool[SMTP | SMTP_SSL], *, connections: int, room: float = math.inf
    ) -> None:
        self.desk = _Desk[L](connections, room)
        self._threads = [
            threading.Thread(  # a daemon, so that who leaves without closing can leave
                target=copy_context().run,
                args=(_Worker(pool, self.desk).run,),
                daemon=True,
            )
            for _ in range(connections)
        ]
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.close()
            raise

    def put(self, label: L, job: Job) -> None:
        """Waits while there is no room."""
        self.desk.put((label, job))

    def get(self, timeout: float) -> tuple[L, Transaction] | None:
        """The next outcome, in any order; None if there is none within the seconds."""
        return self.desk.outcome(timeout) if self.desk.under_way else None

    def close(self) -> None:
        """Let the messages on their way finish, and send no more."""
        self.desk.close(drop=True)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()


def _outcomes(
    desk: _Desk[L], jobs: Iterable[tuple[L, Job]]
) -> Generator[tuple[L, Transaction], None, None]:
    failure: BaseException | None = None
    try:
        for item in jobs:
            desk.put(item)
            yield from desk.ready()
    except GeneratorExit:
        raise
    except BaseException as error:
        failure = error
    desk.close(drop=failure is not None and not isinstance(failure, Exception))
    failure = yield from _the_rest(desk, failure)
    if failure is not None:
        raise failure


def _the_rest(
    desk: _Desk[L], failure: BaseException | None
) -> Generator[tuple[L, Transaction], None, BaseException | None]:
    """The outcomes of what is under way; the first interrupt is kept until their end."""
    while desk.under_way:
        try:
            outcome = desk.outcome()
        except BaseException as error:
            if failure is not None:  # interrupted again
                raise
            failure = error
            desk.close(drop=True)
        else:
            if outcome is not None:
                yield outcome
    return failure


class _Desk(Generic[L]):
    """Where jobs wait for a worker, and come back to from one that cannot connect."""

    def __init__(self, workers: int, room: float) -> None:
        self.outcomes: queue.SimpleQueue[tuple[L, Transaction]] = queue.SimpleQueue()
        lock = threading.Lock()
        self._changed = threading.Condition(lock)  # there is a job, or will be none
        self._taken = threading.Condition(lock)  # there is room
        self._jobs: deque[tuple[L, Job]] = deque()
        self._room, self._workers = room, workers
        self._connecting = 0  # workers with jobs and no session, who may give them back
        self._open = True
        self.under_way = 0  # jobs whose outcome nobody has taken

    def outcome(self, timeout: float | None = None) -> tuple[L, Transaction] | None:
        try:
            outcome = self.outcomes.get(timeout=timeout)
        except queue.Empty:
            return None
        self.under_way -= 1
        return outcome

    def ready(self) -> Iterator[tuple[L, Transaction]]:
        """The outcomes that are there."""
        while not self.outcomes.empty():
            if (outcome := self.outcome()) is not None:
                yield outcome

    def put(self, item: tuple[L, Job]) -> None:
        with self._taken:
            self._taken.wait_for(lambda: len(self._jobs) < self._room)
            self._jobs.append(item)
            self.under_way += 1
            self._changed.notify()

    def close(self, *, drop: bool = False) -> None:
        """No more jobs will come; those that nobody has begun may be dropped."""
        with self._changed:
            self._open = False
            while drop and self._jobs:
                label, job = self._jobs.popleft()
                stopped = smtplib.SMTPServerDisconnected("The batch was stopped")
                self.outcomes.put((label, _unsent(job, stopped)))
            self._changed.notify_all()

    def take(
        self, *, patience: float | None = None, leave: bool = False
    ) -> tuple[L, Job] | None:
        """The next job; None when there will be none, or none within the seconds.

        Whoever would leave then waits for those that may be given back, and has left:
        nobody counts on him to take one. Others do not wait: they hold a session, which
        is perhaps what those who may give back are waiting for.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._jobs or not (self._open or (leave and self._connecting)),
                patience,
            )
            if self._jobs:
                self._taken.notify()
                return self._jobs.popleft()
            self._workers -= leave
            return None

    def connecting(self, change: Literal[1, -1]) -> None:
        with self._changed:
            self._connecting += change
            self._changed.notify_all()

    def give_back(self, jobs: Iterable[tuple[L, Job]]) -> bool:
        """For a worker that cannot connect, and leaves; False if it is the last one."""
        with self._changed:
            self._connecting -= 1
            last = self._workers == 1
            if not last:
                self._workers -= 1
                self._jobs.extendleft(reversed(list(jobs)))
            self._changed.notify_all()
            return not last


class _Worker(Generic[L]):
    def __init__(self, pool: Pool[SMTP | SMTP_SSL], desk: _Desk[L]) -> None:
        self._pool = pool
        self._desk = desk
        self._waiting: deque[tuple[L, Job]] = deque()  # taken, without outcome yet

    def run(self) -> None:
        while self._waiting or self._take(leave=True):
            self._desk.connecting(1)
            try:
                lease = self._pool.lease()
            except Exception as error:
                if self._gave_back(error):
                    return
                continue
            self._desk.connecting(-1)
            try:
                self._send(lease)
            except Exception as error:  # a dead session could not be replaced
                self._desk.connecting(1)
                if self._gave_back(error):
                    return

    def _take(self, *, patience: float | None = None, leave: bool = False) -> bool:
        item = self._desk.take(patience=patience, leave=leave)
        if item is not None:
            self._waiting.append(item)
        return item is not None

    def _gave_back(self, error: Exception) -> bool:
        if self._desk.give_back(self._waiting):
            return True
        # The last worker cannot connect, so nobody can.
        while self._waiting or self._take():
            self._done(_unsent(self._waiting[0][1], error))
        return False

    def _send(self, lease: Leased) -> None:
        """As long as more come, over one session; until it breaks, if it does."""
        with lease:
            while self._waiting or self._take(patience=_KEEPS_THE_SESSION):
                with closing(send_leased(lease, self._jobs())) as outcomes:
                    for transaction in outcomes:
                        self._done(transaction)
                        if lease.session.sock is None:
                            return

    def _jobs(self) -> Iterator[Job]:
        """What there is: an outcome does not wait for a job that is yet to come."""
        for _, job in list(self._waiting):
            yield job
        while self._take(patience=0):
            yield self._waiting[-1][1]

    def _done(self, transaction: Transaction) -> None:
        label, _ = self._waiting.popleft()
        self._desk.outcomes.put((label, transaction))


def _unsent(job: Job, error: Exception) -> Transaction:
    return Transaction(asked=job.rcpt_to, sender=job.mail_from, error=error)
