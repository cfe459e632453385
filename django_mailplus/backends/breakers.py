"""Which mailers of a router are down, and until when nobody asks them.

Django builds a backend for every send, so what is known of a mailer stands here, for the
whole process; and in a Django cache for all processes, where a router names one.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal

from django.core.cache import caches

from django_mailplus.forgetting import forgotten_with

__all__ = ["Breaker", "Patience", "breaker_of", "forget_breakers"]

Health = Literal["closed", "open", "half-open"]
"""As in an electric circuit: closed is in use, open is not, half-open takes one try."""

_JITTER = 0.1  # of a pause, so that not all processes come back at once
_TRIAL = 60.0  # seconds; whoever has not come back with its outcome then has died
_LOOKS = 1.0  # seconds between two looks at the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a mailer rests that is down: `retry_after` seconds, twice as long each time
    it still is, at most `max_retry_after`. One that put off `busy` messages in a row, or
    lost as many answers, counts as down.
    """

    retry_after: float = 60.0
    max_retry_after: float = 900.0
    busy: int = 3


@dataclass(frozen=True, slots=True)
class _State:
    downs: int = 0  # in a row
    until: float = 0.0  # by time.time(), which processes share; 0 while it is in use


class Breaker:
    """Of one mailer behind one router."""

    def __init__(self, name: str, patience: Patience, cache: str | None) -> None:
        self._name, self._patience = name, patience
        self._shared = _Shared(name, cache) if cache else None
        self._lock = threading.Lock()
        self._state = _State()
        self._busy = 0  # messages in a row
        self._trial = 0.0  # until when one message is waited for
        self._looked = 0.0

    def __repr__(self) -> str:
        return f"<Breaker {self._name}: {self.health}>"

    @property
    def health(self) -> Health:
        """As far as this process knows, or any that shares the cache."""
        self._look()
        if not (until := self._state.until):
            return "closed"
        return "open" if time.time() < until else "half-open"

    @property
    def seconds(self) -> float:
        """Until it may be tried again."""
        return max(0.0, self._state.until - time.time())

    def admits(self) -> bool:
        """Whether a message may go there now: of a mailer that is half-open, one alone."""
        health = self.health
        if health != "half-open":
            return health == "closed"
        now = time.time()
        with self._lock:
            if now < self._trial:
                return False
            self._trial = now + _TRIAL
        return self._shared is None or self._shared.take_trial()

    def release(self) -> None:
        """A message went there from which nothing was learned: another one may try."""
        if self.health != "half-open":
            return
        with self._lock:
            self._trial = 0.0
        if self._shared is not None:
            self._shared.release_trial()

    def note_success(self) -> None:
        with self._lock:
            was_down = bool(self._state.until)
            self._state, self._busy, self._trial = _State(), 0, 0.0
        if was_down and self._shared is not None:
            self._shared.forget()

    def note_down(self) -> None:
        """Nothing can be sent there for now."""
        with self._lock:
            if time.time() < self._state.until:
                return  # somebody has said so
            downs = self._state.downs + 1
            wait = self._patience.retry_after * 2.0 ** min(downs - 1, 30)
            wait = min(wait, self._patience.max_retry_after)
            wait *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 (spread, no secret)
            self._state = _State(downs, time.time() + wait)
            self._busy, self._trial = 0, 0.0
        if self._shared is not None:
            self._shared.write(self._state, wait + self._patience.max_retry_after)

    def note_busy(self) -> None:
        """It put a message off, or its answer was lost."""
        with self._lock:
            self._busy += 1
            down = self._busy >= self._patience.busy or self._state.until
        if down:
            self.note_down()

    def _look(self) -> None:
        now = time.time()
        if self._shared is None or 0 <= now - self._looked < _LOOKS:
            return
        self._looked = now
        if (found := self._shared.read()) is not None:
            with self._lock:
                self._state = found


class _Shared:
    """The same in a cache. One that is down costs what others know, and no mail."""

    def __init__(self, name: str, cache: str) -> None:
        # Memcached takes no key with a space in it, which an alias may have.
        digest = hashlib.sha256(name.encode()).hexdigest()
        self._key, self._cache = f"mailplus:breaker:{digest[:32]}", cache

    def read(self) -> _State | None:
        found: _State | None = self._try(
            lambda cache: _State(*(cache.get(self._key) or ()))
        )
        return found

    def write(self, state: _State, seconds: float) -> None:
        self._try(
            lambda cache: (
                cache.set(self._key, (state.downs, state.until), seconds),
                cache.delete(f"{self._key}:trial"),
            )
        )

    def forget(self) -> None:
        self._try(lambda cache: cache.delete_many([self._key, f"{self._key}:trial"]))

    def take_trial(self) -> bool:
        taken = self._try(lambda cache: cache.add(f"{self._key}:trial", 1, _TRIAL))
        return taken is not False

    def release_trial(self) -> None:
        self._try(lambda cache: cache.delete(f"{self._key}:trial"))

    def _try(self, ask: Any) -> Any:
        try:
            return ask(caches[self._cache])
        except Exception:
            return None


_breakers: dict[tuple[Any, ...], Breaker] = {}


def breaker_of(
    router: str | None, mailer: str | None, patience: Patience, cache: str | None = None
) -> Breaker:
    """That of a mailer behind a router, the same in the whole process."""
    key = (router, mailer, patience, cache)
    if (found := _breakers.get(key)) is None:
        name = f"{router or 'EMAIL_BACKEND'}>{mailer or 'smtp'}"
        found = _breakers.setdefault(key, Breaker(name, patience, cache))
    return found


@forgotten_with("MAILERS")
def forget_breakers() -> None:
    """All mailers are in use again."""
    _breakers.clear()
