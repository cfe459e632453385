"""Messages in, outcomes out, for whichever backend a mailer has.

A backend with a `stream()` of its own keeps several connections busy; of any other,
each thread has one of its own, for they are not made to be shared.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections

from django_mailplus.delivery import get_result
from django_mailplus.exceptions import NotSentError

__all__ = ["Outcome", "Stream", "open_stream"]

Outcome = tuple[EmailMessage, Exception | None]
"""A message with its `delivery_result`, if the backend sets one, and what was raised."""


class Stream(Protocol):
    @property
    def window(self) -> int:
        """How many messages it can use before their outcomes are on record."""

    def put(self, message: EmailMessage, before: Callable[[], None]) -> None:
        """Begin to send a message, perhaps later; raises nothing.

        `before` is called, in any thread, just before it leaves; what it raises is the
        outcome.
        """

    def get(self, timeout: float) -> Outcome | None:
        """The next outcome, in any order; None if there is none within the seconds."""

    def recorded(self) -> None:
        """All outcomes that were given are on record."""

    def close(self) -> None:
        """Finish what is on its way, and forget the rest and all outcomes."""


_USUAL_WIDTH = 3


def open_stream(
    make: Callable[[], BaseEmailBackend], concurrency: int | None = None
) -> Stream:
    """`make` gives a new backend at every call. Raises what it raises."""
    mailer = make()
    open_its_own: Any = getattr(mailer, "stream", None)
    try:
        stream: Stream | None = open_its_own(concurrency) if open_its_own else None
    except RuntimeError:  # no thread can be started: the interpreter exits
        mailer.concurrency = 1  # type: ignore[attr-defined]  # it is ours alone
        return _Threads(lambda: mailer, 1)
    return stream or _Threads(make, concurrency or _USUAL_WIDTH)


_Job = tuple[EmailMessage, Callable[[], None]]


class _Threads:
    """Daemons: one that waits for ever for its provider does not keep the process."""

    def __init__(self, make: Callable[[], BaseEmailBackend], width: int) -> None:
        self._width = width
        self.window = 2 * width
        self._make = make
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._under_way = 0
        self._threads: list[threading.Thread] = []
        self._own = threading.local()

    def put(self, message: EmailMessage, before: Callable[[], None]) -> None:
        self._under_way += 1
        if self._has_a_thread():
            self._jobs.put((message, before))
        else:
            self._outcomes.put(self._sent(message, before))

    def _has_a_thread(self) -> bool:
        if len(self._threads) < min(self._width, self._under_way):
            thread = threading.Thread(
                target=self._run, daemon=True, name="mailplus outbox sender"
            )
            try:
                thread.start()
            except RuntimeError:  # none can be started: the interpreter exits
                return bool(self._threads)
            self._threads.append(thread)
        return True

    def get(self, timeout: float) -> Outcome | None:
        if not self._under_way:
            return None
        try:
            outcome = self._outcomes.get(timeout=timeout)
        except queue.Empty:
            return None
        self._under_way -= 1
        return outcome

    def recorded(self) -> None:
        """There are never more than `window`."""

    def close(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._outcomes.put(self._heard(*job))
            self._mailer().close()
        finally:
            connections.close_all()  # of what the backend, or a receiver, looked up

    def _mailer(self) -> BaseEmailBackend:
        """The one of this thread."""
        if not hasattr(self._own, "mailer"):
            self._own.mailer = self._make()
        return self._own.mailer  # type: ignore[no-any-return]

    def _heard(self, message: EmailMessage, before: Callable[[], None]) -> Outcome:
        """Whatever is raised: a thread that ended by it would be missed by nobody."""
        try:
            return self._sent(message, before)
        except BaseException as error:
            kind = type(error).__qualname__
            return message, RuntimeError(f"The backend was ended by {kind}")

    def _sent(self, message: EmailMessage, before: Callable[[], None]) -> Outcome:
        try:
            before()
            sent = self._mailer().send_messages([message])
        except Exception as error:
            return message, error
        if sent or get_result(message) is not None:
            return message, None
        return message, NotSentError("The backend sent nothing and did not say why.")
