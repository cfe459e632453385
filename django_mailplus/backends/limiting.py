"""Who keeps count of a rate: the database, a cache, or this process alone.

Django builds a backend for every send, so what has left stands here or where all processes
see it. Where that is down each process keeps to the rate by itself: mail goes on.
"""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.core.cache import caches
from django.db import Error, connections, transaction

from django_mailplus.compat import InvalidMailer, in_transaction
from django_mailplus.forgetting import forgotten_with
from django_mailplus.rates import Rate

__all__ = [
    "ONE_PROCESS",
    "UNLOCKED",
    "Elsewhere",
    "RateLimiter",
    "forget_limiters",
    "limiter_of",
]

logger = logging.getLogger(__name__)

Grant = tuple[int, float]
"""Room for so many mails; where that is 0, the seconds until there is room for one."""

_LOCKED = 10  # seconds; whoever holds the lock for longer has died
_SAFE = 0.5  # of them: after that it may be another one who holds it
_PATIENCE = 1.0  # seconds to try again where somebody else takes room at this moment
_QUARREL = (0.001, 0.005)  # seconds between two tries
_SAYS_SO = 60.0  # seconds between two lines of the log
_KEPT = 60  # seconds for which a cache keeps a count that says nothing any more

T = TypeVar("T")


class _Storage(Protocol):
    def take(self, wanted: int, elsewhere: Elsewhere) -> Grant: ...


class RateLimiter:
    """All processes together; or as `storage` goes, where there is only this one."""

    def __init__(self, alias: str | None, storage: _Storage, own: _Storage) -> None:
        self._alias, self._storage, self._own = alias, storage, own
        self._said_so = -_SAYS_SO

    def take(self, wanted: int, elsewhere: Elsewhere | None = None) -> Grant:
        """Room for so many mails or for fewer; it is used whether they leave or not.

        Who asks several times gives the same `elsewhere` each time. Raises InvalidMailer
        where the tables of the database are yet to be made.
        """
        if elsewhere is None:
            with closing(Elsewhere()) as elsewhere:
                return self.take(wanted, elsewhere)
        try:
            return self._storage.take(wanted, elsewhere)
        except InvalidMailer:
            raise
        except Exception as error:
            if isinstance(error, Error) and (text := _unmigrated(error)):
                raise InvalidMailer(text, alias=self._alias) from error
            self._say_so(error)
            return self._own.take(wanted, elsewhere)

    def _say_so(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._said_so >= _SAYS_SO:
            self._said_so = now
            logger.warning(
                "The rate of the mailer %s cannot be shared (%s): until it can, each "
                "process keeps to it by itself",
                self._alias or "EMAIL_BACKEND",
                type(error).__name__,
            )


def _unmigrated(error: Error) -> str:
    from django_mailplus.outbox.outage import unmigrated

    return unmigrated(error)


def _taken(
    rates: Sequence[Rate], free_at: Mapping[str, float], now: float, wanted: int
) -> tuple[Grant, Mapping[str, float]]:
    """The grant, and the count after it; by the unit of each rate."""
    ahead = {r.unit: r.ahead(free_at.get(r.unit, now) - now) for r in rates}
    granted = min(wanted, *(rate.room(ahead[rate.unit]) for rate in rates))
    if granted < 1:
        return (0, max(rate.wait(ahead[rate.unit]) for rate in rates)), free_at
    after = {r.unit: now + r.after(ahead[r.unit], granted) for r in rates}
    return (granted, 0.0), after


class _ProcessStorage:
    """Of this process."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._rates = rates
        self._free_at: Mapping[str, float] = {}
        self._lock = threading.Lock()

    def take(self, wanted: int, _: Elsewhere) -> Grant:
        with self._lock:
            grant, self._free_at = _taken(
                self._rates, self._free_at, time.monotonic(), wanted
            )
        return grant


class _CacheStorage:
    """In a cache of Django's, by the clocks of the hosts.

    What all caches have is `add`, which succeeds for one alone: it locks the count. One
    whose time is over writes nothing any more.
    """

    def __init__(self, alias: str | None, rates: Sequence[Rate], cache: str) -> None:
        # Memcached takes no key with a space in it, which an alias may have.
        digest = hashlib.sha256((alias or "").encode()).hexdigest()
        self._key = f"mailplus:ratelimit:{digest[:32]}"
        self._rates, self._cache = rates, cache

    def take(self, wanted: int, _: Elsewhere) -> Grant:
        def taken() -> Grant | None:
            begun = time.monotonic()
            return self._take(wanted, begun) if self._lock() else None

        return _persistent(taken, otherwise=self._blocked)

    def _take(self, wanted: int, begun: float) -> Grant | None:
        cache, now = caches[self._cache], time.time()
        try:
            grant, after = _taken(self._rates, cache.get(self._key) or {}, now, wanted)
            if time.monotonic() - begun > _LOCKED * _SAFE:
                return None
            if grant[0]:
                most = max(free_at - now for free_at in after.values())
                cache.set(self._key, dict(after), int(most) + _KEPT)
            return grant
        finally:
            if time.monotonic() - begun <= _LOCKED * _SAFE:
                cache.delete(f"{self._key}:lock")

    def _lock(self) -> bool:
        return bool(caches[self._cache].add(f"{self._key}:lock", 1, _LOCKED))

    def _blocked(self) -> Grant:
        """By another process; or by a cache that is down and does not say so."""
        cache, probe = caches[self._cache], f"{self._key}:probe"
        cache.set(probe, 1, _LOCKED)
        if cache.get(probe) is None:
            raise ConnectionError("The cache keeps nothing")
        return 0, _PATIENCE


class _DatabaseStorage:
    """In the database of the outbox, by its clock."""

    def __init__(self, alias: str | None, rates: Sequence[Rate]) -> None:
        self._alias, self._rates = alias or "", rates

    def take(self, wanted: int, elsewhere: Elsewhere) -> Grant:
        return _outside_transactions(lambda: self._take(wanted), elsewhere)

    def _take(self, wanted: int) -> Grant:
        from django_mailplus.outbox.mailers.rates import DatabaseLimiter, name_of

        limiter = DatabaseLimiter({name_of(self._alias, r): r for r in self._rates})

        def taken() -> Grant | None:
            if granted := limiter.take(wanted):
                return granted, 0.0
            wait = limiter.seconds_until_room()
            return (0, wait) if wait else None

        return _persistent(taken, otherwise=lambda: (0, _PATIENCE))


def _persistent(
    ask: Callable[[], Grant | None], *, otherwise: Callable[[], Grant]
) -> Grant:
    """Again for a while, where somebody else was at the count."""
    until = time.monotonic() + _PATIENCE
    while (grant := ask()) is None:
        if time.monotonic() >= until:
            return otherwise()
        time.sleep(random.uniform(*_QUARREL))  # noqa: S311 (spread, no secret)
    return grant


class Elsewhere:
    """Another connection, in a thread of its own; opened for the first who asks there."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    def ask(self, question: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "mailplus ratelimit")
        return self._thread.submit(question).result()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.submit(connections.close_all)  # those of that thread
            self._thread.shutdown()


def _outside_transactions(ask: Callable[[], T], elsewhere: Elsewhere) -> T:
    """Over another connection, where the caller's is within a transaction.

    There the count would be locked for all until it ends, and a rollback would give back
    the room of mail that has left. SQLite has one writer: it would wait for itself.
    """
    from django_mailplus.outbox.models import database

    alias = database()
    if not in_transaction(alias):
        return ask()
    if connections[alias].vendor == "sqlite":
        with transaction.atomic(using=alias):  # what fails here spoils nothing else
            return ask()
    return elsewhere.ask(ask)


ONE_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")
"""Caches of Django that no other process sees."""

UNLOCKED = ("filebased.FileBasedCache", "db.DatabaseCache")
"""Whose `add` may succeed for two at once, or is part of a transaction of the caller's."""


def _storage(alias: str | None, rates: Sequence[Rate], cache: str | None) -> _Storage:
    if cache is None:
        return _DatabaseStorage(alias, rates)
    if str(settings.CACHES[cache].get("BACKEND", "")).endswith(ONE_PROCESS):
        return _ProcessStorage(rates)
    return _CacheStorage(alias, rates, cache)


_limiters: dict[tuple[Any, ...], RateLimiter] = {}


def limiter_of(
    alias: str | None, rates: Sequence[Rate], cache: str | None
) -> RateLimiter:
    """That of a mailer, the same in the whole process."""
    key = (alias, tuple(rates), cache)
    if (found := _limiters.get(key)) is None:
        new = RateLimiter(alias, _storage(alias, rates, cache), _ProcessStorage(rates))
        found = _limiters.setdefault(key, new)
    return found


@forgotten_with("MAILERS", "CACHES")
def forget_limiters() -> None:
    """Of what this process keeps."""
    _limiters.clear()
