"""Open SMTP sessions kept for the next message: one pool per mailer and process.

Connecting, TLS and the login cost many round trips, a message about one. What is done
is decided under the lock; connecting and parting happen outside it.
"""

from __future__ import annotations

import atexit
import contextlib

# Looking up a name imports it. A process forked at that moment waits for it for ever.
import encodings.idna  # noqa: F401
import math
import os
import threading
import time
import warnings
import weakref
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Literal, TypeVar

from django_mailplus.exceptions import PoolTimeout
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.parting import Poolable, alive, drop, let_go, part
from django_mailplus.smtp.slots import Connection, Slot
from django_mailplus.smtp.stats import COUNTED, Stats

__all__ = ["Lease", "Pool", "drain_all", "sweep"]

_LOOK_AGAIN = 1.0  # seconds; an interrupt may have kept somebody from ringing
_LAST_GOODBYES = 3.0  # seconds for all of them together when the interpreter exits


S = TypeVar("S", bound=Poolable)
T = TypeVar("T")


class Lease(Generic[S]):
    """A session of which nobody else has the use, until it is released.

    As a context manager it keeps the session for others if the block ends well, and
    drops it if anything was raised: nobody knows what the server waits for then.
    """

    __slots__ = ("__weakref__", "_pool", "_slot")

    def __init__(self, pool: Pool[S], slot: Slot[S]) -> None:
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
    def lost(self) -> bool:
        """Whether there is no session any more: see `session`."""
        return self._slot.connection is None

    @property
    def fresh(self) -> bool:
        """Whether the session was opened for this lease, and not taken from the pool."""
        return not self._slot.reused

    def replace(self) -> S:
        """Drop a session that proved dead; gives a fresh one. Raises what connecting raises."""
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
        self._idle: list[Connection[S]] = []  # the one used last stands last
        self._taken: set[Slot[S]] = set()
        self._waiting: deque[Slot[S]] = deque()
        self._generation = 0
        self._counts: Counter[str] = Counter()

    def lease(self) -> Lease[S]:
        """An idle session, or a fresh one, or the next to become free.

        Raises `PoolTimeout` after waiting `limits.timeout` seconds, and what
        connecting raises.
        """
        slot: Slot[S] = Slot()
        lease = self._lease_of(slot)
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
        while (lease := self._locked(self._take_expired)) is not None:
            self._take_back(lease._slot, "part")

    def drain(self) -> None:
        """Take leave of all idle connections, and of those in use once they come back.

        The pool goes on with new ones.
        """
        with self._lock:
            self._generation += 1
        self.sweep()

    @property
    def stats(self) -> Stats:
        return self._locked(self._stats)

    def _stats(self) -> Stats:
        return Stats(
            size=self.limits.size,
            in_use=len(self._taken),
            idle=len(self._idle),
            waiting=len(self._waiting),
            **{what: self._counts[what] for what in COUNTED},
        )

    def __repr__(self) -> str:
        # Without the lock, which is perhaps held where a finalizer shows us.
        in_use = sum(not slot.forgotten for slot in self._taken.copy())
        return (
            f"<Pool {self.name}: {in_use} in use, {len(self._idle)} idle,"
            f" {len(self._waiting)} waiting of {self.limits.size}>"
        )

    def _lease_of(self, slot: Slot[S]) -> Lease[S]:
        lease = Lease(self, slot)
        # No __del__, which would run for every lease and swallow an interrupt then.
        slot.holder = weakref.ref(lease, partial(self._abandoned, slot))
        return lease

    def _locked(self, change: Callable[[], T]) -> T:
        """Do it under the lock, and let those go on whom it allows to.

        No context manager of ours: an interrupt between its lines would keep the lock.
        """
        _notice_fork()
        with self._lock:
            try:
                self._reclaim()
                return change()
            finally:
                self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and (self._idle or len(self._taken) < self.limits.size):
            slot = self._waiting[0]
            self._taken.add(slot)
            if self._idle and slot.connection is None:
                slot.connection, slot.reused = self._idle.pop(), True
            self._waiting.popleft()
            slot.ring()
        if self._idle:  # then the pool must not be collected before them
            _holding.add(self)
        else:
            _holding.discard(self)

    def _wait_for_turn(self, slot: Slot[S]) -> None:
        if self._locked(partial(self._line_up, slot)):
            return
        timeout = self.limits.timeout
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        # Once more before the first wait: a lease collected meanwhile woke nobody.
        while not self._locked(partial(self._may_go_on, slot)):
            if (left := deadline - time.monotonic()) <= 0:
                break
            slot.bell.acquire(timeout=min(left, _LOOK_AGAIN))
        else:
            return
        others = self._locked(partial(self._give_up, slot))
        if others is None:  # the turn came at the last moment
            return
        raise PoolTimeout(
            f"{self.name}: no connection came free in {self.limits.timeout:g} seconds"
            f" (the pool has {self.limits.size}, others waiting: {others})."
            " Raise 'pool_size' if the mail server allows you more connections, or"
            " 'pool_timeout' to wait longer."
        )

    def _line_up(self, slot: Slot[S]) -> bool:
        self._waiting.append(slot)
        if self._may_go_on(slot):
            return True
        self._counts["waited"] += 1
        return False

    def _may_go_on(self, slot: Slot[S]) -> bool:
        self._hand_on()
        return slot in self._taken

    def _give_up(self, slot: Slot[S]) -> int | None:
        if self._may_go_on(slot):
            return None
        self._waiting.remove(slot)
        self._counts["timeouts"] += 1
        return len(self._waiting)

    def _reuse(self, slot: Slot[S]) -> bool:
        """Whether there is an idle session that will do; one that will not is gone."""
        connection = slot.connection
        if connection is None:
            return False
        if not self._expired(connection) and alive(connection.session):
            self._count("reused")
            return True
        part(connection.session, until=_exit_deadline)
        slot.connection = None
        self._count("closed", "replaced")
        return False

    def _open(self, slot: Slot[S]) -> None:
        generation, slot.reused = self._generation, False
        try:
            slot.connection = Connection(self._connect(), generation)
        except BaseException:
            self._count("failed")
            raise
        self._count("opened")

    def _replace(self, slot: Slot[S], session: S) -> None:
        drop(session)
        slot.connection = None
        self._count("closed", "replaced")
        self._open(slot)

    def _count(self, *events: str) -> None:
        self._locked(partial(self._counts.update, events))

    def _expired(self, connection: Connection[S]) -> bool:
        idle = time.monotonic() - connection.idle_since
        drained = connection.generation != self._generation
        return drained or self.limits.reached(connection.session, idle=idle)

    def _take_expired(self) -> Lease[S] | None:
        for connection in self._idle:
            if self._expired(connection):
                lease = self._lease_of(Slot(connection))
                self._taken.add(lease._slot)
                self._idle.remove(connection)
                return lease
        return None

    def _take_back(self, slot: Slot[S], to: Literal["keep", "part", "drop"]) -> None:
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
            self._locked(partial(self._settle, slot, keep=keep))

    def _worth_keeping(self, connection: Connection[S]) -> bool:
        return _exit_deadline is None and not self._expired(connection)

    def _settle(self, slot: Slot[S], *, keep: bool = False) -> None:
        self._taken.discard(slot)
        if slot in self._waiting:  # interrupted there, perhaps as its turn came
            self._waiting.remove(slot)
        connection, slot.connection, slot.holder = slot.connection, None, None
        if connection is not None and keep:
            self._idle.append(connection)
        elif connection is not None:
            self._counts["closed"] += 1

    def _abandoned(self, slot: Slot[S], _: object) -> None:
        """For a lease that was collected: at any moment, so perhaps under our lock."""
        if (connection := slot.connection) is not None:
            drop(connection.session)
        with contextlib.suppress(IndexError):
            self._waiting[0].ring()  # who comes next reclaims the slot
        warnings.warn(
            f"A lease of {self!r} was never released", ResourceWarning, stacklevel=2
        )

    def _reclaim(self) -> None:
        for slots in (self._taken, self._waiting):
            for slot in [slot for slot in slots if slot.forgotten]:
                self._settle(slot)

    def _start_child(self) -> None:
        """Give up the connections, which are the parent's: not a byte may go out."""
        idle, taken = self._idle, self._taken
        self._start_empty()
        for slot in taken:
            connection, slot.connection, slot.holder = slot.connection, None, None
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
    for pool in list(_pools):
        pool._start_child()
    _holding.clear()


def _notice_fork() -> None:
    # uWSGI forks in C, and Python is told only with `py-call-osafterfork`.
    if os.getpid() != _process:
        _start_child()


atexit.register(_exit)
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_start_child)
