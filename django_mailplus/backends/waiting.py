"""Messages from an outbox that wait for room, while those before them are on their way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.core.mail import EmailMessage

from django_mailplus.delivery import set_result
from django_mailplus.outbox.sending.streams import Outcome, Stream

__all__ = ["LimitedStream"]


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: EmailMessage
    before: Callable[[], None]
    until: float  # time.monotonic()


class LimitedStream:
    """Holds up nobody: a message that finds no room within `max_wait` seconds is told of
    with the error that `no_room` makes of the seconds until there is some.

    `take` asks for room.
    """

    def __init__(
        self,
        inner: Stream,
        *,
        take: Callable[[int], tuple[int, float]],
        max_wait: float,
        no_room: Callable[[float], Exception],
        note_unsent: Callable[[Iterable[EmailMessage], BaseException], None],
    ) -> None:
        self._inner, self._take, self._max_wait = inner, take, max_wait
        self._no_room, self._note_unsent = no_room, note_unsent
        self._waiting: deque[_Waiting] = deque()
        self._finished: deque[Outcome] = deque()
        self._inside = 0
        self._room_at = 0.0  # time.monotonic(); before, nobody need ask
        self._window = inner.window

    @property
    def window(self) -> int:
        """Of what would have to wait for too long little is taken on."""
        return min(self._window, self._inner.window)

    def put(self, message: EmailMessage, before: Callable[[], None]) -> None:
        set_result(message, None)
        until = time.monotonic() + self._max_wait
        self._waiting.append(_Waiting(message, before, until))
        self._let_go()

    def get(self, timeout: float) -> Outcome | None:
        until = time.monotonic() + timeout
        while not self._finished:
            self._let_go()
            now = time.monotonic()
            patience = max(0.0, until - now)
            if self._waiting:
                patience = min(patience, max(0.0, self._room_at - now))
            if self._finished:
                break
            if self._inside:
                self._hear(patience)
            elif self._waiting and patience:
                time.sleep(patience)
            if time.monotonic() >= until or not (self._inside or self._waiting):
                break
        return self._finished.popleft() if self._finished else None

    def recorded(self) -> None:
        self._inner.recorded()

    def close(self) -> None:
        self._inner.close()

    def _hear(self, patience: float) -> None:
        if (outcome := self._inner.get(patience)) is not None:
            self._inside -= 1
            self._finished.append(outcome)

    def _let_go(self) -> None:
        """All for whom there is room; and those for whom there will be none in time."""
        while self._waiting and time.monotonic() >= self._room_at:
            try:
                granted, wait = self._take(len(self._waiting))
            except Exception as error:  # a mistake in the settings
                self._refuse(error, until=float("inf"))
                return
            if not granted:
                self._room_at = time.monotonic() + wait
            for _ in range(granted):
                leaving = self._waiting.popleft()
                self._inside += 1
                self._inner.put(leaving.message, leaving.before)
                self._window = min(self._window + 1, self._inner.window)
        if self._waiting and self._waiting[0].until < self._room_at:
            wait = max(0.0, self._room_at - time.monotonic())
            self._refuse(self._no_room(wait), until=self._room_at)

    def _refuse(self, error: Exception, *, until: float) -> None:
        """Those who would wait no longer than that."""
        self._window = 1
        while self._waiting and self._waiting[0].until < until:
            message = self._waiting.popleft().message
            self._note_unsent([message], error)
            self._finished.append((message, error))
