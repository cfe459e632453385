"""Open SMTP sessions kept for the next message: one pool per mailer and process.

Connecting, TLS and the login cost many round trips, a message about one. What is done
is decided under the lock; connecting and parting happen outside it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import warnings
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from django_mailplus.exceptions import PoolTimeout
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.parting import Poolable, alive, drop, let_go, part
from django_mailplus.smtp.stats import COUNTED, Stats

__all__ = ["Lease", "Pool", "drain_all", "sweep"]

_LAST_GOODBYES = 3.0  # seconds for all of them together when the interpreter exits


S = TypeVar("S", bound=Poolable)


@dataclass(eq=False, slots=True)
class _Connection(Generic[S]):
    session: S
    generation: int  # of the pool when it was opened
    idle_since: float = 0.0


@dataclass(eq=False, slots=True)
class _Slot(Generic[S]):
    """The right to have one connection open, or the wait for it."""

    connection: _Connection[S] | None = None
    reused: bool = False
    turn: threading.Event = field(default_factory=threading.Event)
    done: bool = False


class Lease(Generic[S]):
    """A session of which nobody else has the use, until it is released.

    As a context manager it keeps the session for others if the block ends well, and
    drops it if anything was raised: nobody knows what the server waits for then.
    """

    __slots__ = ("__weakref__", "_pool", "_slot")

    def __init__(self, pool: Pool[S], slot: _Slot[S]) -> None:
        self._pool = pool
        self._slot = slot

    @property
    def session(self) -> S:
        """Raises RuntimeError after the release, and in a process forked meanwhile."""
        connection = self._slot.connection
        if connection is None:
            raise RuntimeError("This lease was released, or is another process's.")
        return connection.session

    @property
    def fresh(self) -> bool:
        """Whether the session was opened for this lease, and not taken from the pool."""
        return not self._slot.reused

    def replace(self) -> S:
        """Drop a session that was not fresh and proved dead; gives a fresh one.

        For errors before the server could have accepted a byte of a message. Raises
        what connecting raises, and RuntimeError for a fresh session: one try is enough.
        """
        if self.fresh:
            raise RuntimeError("A session opened for this lease is not replaced.")
        self._pool._replace(self._slot, self.session)
        return self.session

    def release(self, *, reusable: bool) -> None:
        """Give the session back: for others if it waits for a new MAIL, else dropped.

        Again is harmless. Also takes leave of connections that were idle too long.
        """
        self._pool._take_back(self._slot, "keep" if reusable else "drop")
        sweep()

    def __enter__(self) -> Lease[S]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.release(reusable=kind is None)

    def __del__(self) -> None:
        self._pool._abandon(self._slot)

    def __repr__(self) -> str:
        return f"<Lease of {self._pool!r}>"


class Pool(Generic[S]):
    """Lends sessions that `connect` opened; never more than `limits.size` are open.

    The one used last is lent first, so that those not needed grow old and are closed.
    Who waits is served in order. `name` must hold no secret: it is shown.

    There is no thread behind it, which would end with a fork and make every fork warn
    from Python 3.12 on. The old are parted with at any release, and by `sweep`.
    """

    def __init__(self, connect: Callable[[], S], limits: Limits, *, name: str) -> None:
        self.limits = limits
        self.name = name
        self._connect = connect
        self._start_empty()
        with _pools_lock:
            _pools.add(self)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Connection[S]] = []  # the one used last stands last
        self._taken: set[_Slot[S]] = set()
        self._waiting: deque[_Slot[S]] = deque()
        self._abandoned: deque[_Slot[S]] = deque()
        self._generation = 0
        self._counts: Counter[str] = Counter()

    def lease(self) -> Lease[S]:
        """An idle session, or a fresh one, or the next to become free.

        Raises `PoolTimeout` after waiting `limits.timeout` seconds, and what
        connecting raises.
        """
        slot: _Slot[S] = _Slot()
        lease = Lease(self, slot)
        try:
            self._wait_for_turn(slot)
            if not self._reuse(slot):
                self._open(slot)
        except BaseException:
            self._take_back(slot, "drop")
            raise
        return lease

    def sweep(self) -> None:
        """Take leave of the connections that have been idle, or open, for too long."""
        while (slot := self._take_expired()) is not None:
            self._take_back(slot, "part")

    def drain(self) -> None:
        """Take leave of all idle connections, and of those in use once they come back.

        The pool goes on with new ones.
        """
        with self._planning():
            self._generation += 1
        self.sweep()

    @property
    def stats(self) -> Stats:
        with self._planning():
            return Stats(
                size=self.limits.size,
                in_use=len(self._taken),
                idle=len(self._idle),
                waiting=len(self._waiting),
                **{what: self._counts[what] for what in COUNTED},
            )

    def __repr__(self) -> str:
        return (
            f"<Pool {self.name}: {len(self._taken)} in use, {len(self._idle)} idle,"
            f" {len(self._waiting)} waiting of {self.limits.size}>"
        )

    @contextlib.contextmanager
    def _planning(self) -> Iterator[None]:
        """The lock; whoever may go on because of what was changed does so at the end."""
        _notice_fork()
        try:
            with self._lock:
                try:
                    yield
                finally:
                    self._hand_on()
        finally:
            self._reclaim()

    def _hand_on(self) -> None:
        while self._waiting and (self._idle or len(self._taken) < self.limits.size):
            slot = self._waiting[0]
            self._taken.add(slot)
            if self._idle and slot.connection is None:
                slot.connection, slot.reused = self._idle.pop(), True
            self._waiting.popleft()
            slot.turn.set()
        self._note_holding()

    def _note_holding(self) -> None:
        """A pool with idle connections must not be collected before them."""
        if self._idle:
            _holding.add(self)
        else:
            _holding.discard(self)

    def _wait_for_turn(self, slot: _Slot[S]) -> None:
        with self._planning():
            self._waiting.append(slot)
            self._hand_on()
            if slot.turn.is_set():
                return
            self._counts["waited"] += 1
        if slot.turn.wait(self.limits.timeout):
            return
        with self._planning():
            if slot.turn.is_set():  # at the last moment
                return
            self._waiting.remove(slot)
            self._counts["timeouts"] += 1
            others = len(self._waiting)
        raise PoolTimeout(
            f"{self.name}: no connection came free in {self.limits.timeout:g} seconds."
            f" The pool's {self.limits.size} are in use (others waiting: {others})."
            " Raise 'pool_size' if the mail server allows you more connections, or"
            " 'pool_timeout' to wait longer."
        )

    def _reuse(self, slot: _Slot[S]) -> bool:
        """Whether there is an idle session that will do; one that will not is gone."""
        connection = slot.connection
        if connection is None:
            return False
        if not self._expired(connection) and alive(connection.session):
            with self._planning():
                self._counts["reused"] += 1
            return True
        part(connection.session, until=_exit_deadline)
        self._forget(slot, replaced=True)
        return False

    def _open(self, slot: _Slot[S]) -> None:
        generation, slot.reused = self._generation, False
        try:
            slot.connection = _Connection(self._connect(), generation)
        except BaseException:
            with self._planning():
                self._counts["failed"] += 1
            raise
        with self._planning():
            self._counts["opened"] += 1

    def _replace(self, slot: _Slot[S], session: S) -> None:
        drop(session)
        self._forget(slot, replaced=True)
        self._open(slot)

    def _forget(self, slot: _Slot[S], *, replaced: bool = False) -> None:
        with self._planning():
            slot.connection = None
            self._counts["closed"] += 1
            self._counts["replaced"] += replaced

    def _expired(self, connection: _Connection[S]) -> bool:
        idle = time.monotonic() - connection.idle_since
        drained = connection.generation != self._generation
        return drained or self.limits.reached(connection.session, idle=idle)

    def _take_expired(self) -> _Slot[S] | None:
        with self._planning():
            for connection in self._idle:
                if self._expired(connection):
                    slot = _Slot(connection)
                    self._taken.add(slot)
                    self._idle.remove(connection)
                    return slot
        return None

    def _take_back(self, slot: _Slot[S], to: Literal["keep", "part", "drop"]) -> None:
        """Free the slot, whatever happens on the way."""
        _notice_fork()
        connection, keep = slot.connection, False
        try:
            if connection is not None and to == "drop":
                drop(connection.session)
            elif connection is not None:
                connection.idle_since = time.monotonic()
                keep = to == "keep" and self._worth_keeping(connection)
                if not keep:
                    part(connection.session, until=_exit_deadline)
        finally:
            with self._planning():
                self._settle(slot, keep=keep)

    def _worth_keeping(self, connection: _Connection[S]) -> bool:
        return _exit_deadline is None and not self._expired(connection)

    def _settle(self, slot: _Slot[S], *, keep: bool = False) -> None:
        if slot.done:  # released before
            return
        if slot in self._taken:
            self._taken.discard(slot)
        elif slot in self._waiting:  # interrupted there
            self._waiting.remove(slot)
        connection, slot.connection, slot.done = slot.connection, None, True
        if connection is not None and keep:
            self._idle.append(connection)
        elif connection is not None:
            self._counts["closed"] += 1

    def _abandon(self, slot: _Slot[S]) -> None:
        """For a lease that was collected: at any moment, so perhaps under our lock."""
        if slot.done:
            return
        if slot.connection is not None:
            drop(slot.connection.session)
        self._abandoned.append(slot)
        self._reclaim()
        warnings.warn(
            f"A lease of {self!r} was never released", ResourceWarning, stacklevel=3
        )

    def _reclaim(self) -> None:
        # Whoever has the lock now comes here after it, so nobody has to wait for it.
        while self._abandoned and self._lock.acquire(blocking=False):
            try:
                while self._abandoned:
                    self._settle(self._abandoned.popleft())
                self._hand_on()
            finally:
                self._lock.release()

    def _start_child(self) -> None:
        """Give up the connections, which are the parent's: not a byte may go out."""
        idle, taken = self._idle, self._taken
        self._start_empty()
        for slot in taken:
            connection, slot.connection, slot.done = slot.connection, None, True
            if connection is not None:
                let_go(connection.session)
        for connection in idle:
            let_go(connection.session)


_pools: weakref.WeakSet[Pool[Any]] = weakref.WeakSet()
_pools_lock = threading.Lock()  # a WeakSet may not grow while it is walked through
_holding: set[Pool[Any]] = set()  # those with idle connections
_process = os.getpid()
_exit_deadline: float | None = None  # by time.monotonic(), once the interpreter exits


def sweep() -> None:
    """Take leave of connections that are idle for too long, in all pools.

    Every release does it. Call it where a process that mails seldom has a moment, such
    as the end of a request.
    """
    for pool in list(_holding):
        pool.sweep()


def drain_all() -> None:
    """Take leave of all connections, in all pools, as `Pool.drain` does."""
    with _pools_lock:
        pools = list(_pools)
    for pool in pools:
        pool.drain()


def _exit() -> None:
    global _exit_deadline
    # Whoever still mails, at exit, has a connection for that message only.
    _exit_deadline = time.monotonic() + _LAST_GOODBYES
    drain_all()


def _start_child() -> None:
    global _pools_lock, _process
    _process, _pools_lock = os.getpid(), threading.Lock()
    _holding.clear()
    for pool in list(_pools):
        pool._start_child()


def _notice_fork() -> None:
    # uWSGI forks in C, and Python is told only with `py-call-osafterfork`.
    if os.getpid() != _process:
        _start_child()


atexit.register(_exit)
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_start_child)
