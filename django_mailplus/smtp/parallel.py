"""Several sessions at once, each with its thread; every message is tried.

A session that breaks takes down the one message it was busy with. A server that allows
fewer connections than were asked for gets the messages over those that it allows.
"""

from __future__ import annotations

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

__all__ = ["send_parallel"]

L = TypeVar("L")


def send_parallel(
    pool: Pool[SMTP | SMTP_SSL], jobs: Iterable[tuple[L, Job]], *, connections: int
) -> Generator[tuple[L, Transaction], None, None]:
    """Send each job, which comes with a label; yields labels and outcomes as they come.

    Reads a few jobs ahead for each connection. What the network does is in the outcomes,
    not raised; what `jobs` raises is raised after the outcomes of the jobs before. An
    interrupt, too: the messages on their way finish, and the others are not sent.
    Closing the generator does the same, but tells no outcomes.
    """
    desk = _Desk[L](connections)
    threads = [
        threading.Thread(target=copy_context().run, args=(_Worker(pool, desk).run,))
        for _ in range(connections)
    ]
    try:
        for thread in threads:
            thread.start()
        yield from _outcomes(desk, jobs)
    finally:
        desk.close(drop=True)
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _outcomes(
    desk: _Desk[L], jobs: Iterable[tuple[L, Job]]
) -> Generator[tuple[L, Transaction], None, None]:
    failure: BaseException | None = None
    try:
        for item in jobs:
            desk.put(item)
            while not desk.outcomes.empty():
                yield desk.outcome()
    except GeneratorExit:
        raise
    except BaseException as error:
        failure = error
    desk.close(drop=failure is not None and not isinstance(failure, Exception))
    while desk.under_way:
        try:
            outcome = desk.outcome()
        except BaseException as error:
            if failure is not None:  # interrupted again
                raise
            failure = error
            desk.close(drop=True)
        else:
            yield outcome
    if failure is not None:
        raise failure


class _Desk(Generic[L]):
    """Where jobs wait for a worker, and come back to from one that cannot connect."""

    def __init__(self, workers: int) -> None:
        self.outcomes: queue.SimpleQueue[tuple[L, Transaction]] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._jobs: deque[tuple[L, Job]] = deque()
        self._room = self._workers = workers
        self._connecting = 0  # workers with jobs and no session, who may give them back
        self._open = True
        self.under_way = 0  # jobs whose outcome nobody has taken

    def outcome(self) -> tuple[L, Transaction]:
        outcome = self.outcomes.get()
        self.under_way -= 1
        return outcome

    def put(self, item: tuple[L, Job]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._jobs) < self._room)
            self._jobs.append(item)
            self.under_way += 1
            self._changed.notify_all()

    def close(self, *, drop: bool = False) -> None:
        """No more jobs will come; those that nobody has begun may be dropped."""
        with self._changed:
            self._open = False
            while drop and self._jobs:
                label, job = self._jobs.popleft()
                stopped = smtplib.SMTPServerDisconnected("The batch was stopped")
                self.outcomes.put((label, _unsent(job, stopped)))
            self._changed.notify_all()

    def take(self, *, leave: bool = False) -> tuple[L, Job] | None:
        """The next job; None when there will be none.

        Whoever would leave then waits for those that may be given back, and has left:
        nobody counts on him to take one. Others do not wait: they hold a session, which
        is perhaps what those who may give back are waiting for.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._jobs or not (self._open or (leave and self._connecting))
            )
            self._changed.notify_all()
            if self._jobs:
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

    def _take(self, *, leave: bool = False) -> bool:
        item = self._desk.take(leave=leave)
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
        """All there is, over one session; until it breaks, if it does."""
        with lease, closing(send_leased(lease, self._jobs())) as outcomes:
            for transaction in outcomes:
                self._done(transaction)
                if lease.session.sock is None:
                    return

    def _jobs(self) -> Iterator[Job]:
        for _, job in list(self._waiting):
            yield job
        while self._take():
            yield self._waiting[-1][1]

    def _done(self, transaction: Transaction) -> None:
        label, _ = self._waiting.popleft()
        self._desk.outcomes.put((label, transaction))


def _unsent(job: Job, error: Exception) -> Transaction:
    return Transaction(asked=job.rcpt_to, sender=job.mail_from, error=error)
