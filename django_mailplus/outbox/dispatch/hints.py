"""Hints over a network, sent by a thread: no request waits for a broker.

The first leaves at once, those of the next second go together at its end. So whatever a
task has seen or not, one comes after the last commit.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from django_mailplus.outbox.dispatch.at_exit import at_exit

__all__ = ["Channel", "Hints"]

logger = logging.getLogger(__name__)

APART = 1.0  # seconds from one hint to the next one for a mailer
QUIET = 10.0  # seconds without a hint, after which the thread ends
LONGEST_PAUSE = 30.0  # seconds until the next try when hints cannot be sent
LAST_HINTS = 3.0  # seconds at exit for those that have not left


class Channel(Protocol):
    def send(self, alias: str) -> None:
        """Raises what goes wrong; then the channel is closed, and another one opened."""

    def close(self) -> None: ...


class Hints:
    """One thread of this process for all mailers; it lives while there are hints."""

    def __init__(self, open_channel: Callable[[], Channel], *, name: str) -> None:
        self._open = open_channel
        self._name = name
        self._begin()
        if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """A thread does not outlive a fork, nor do its hints: they are the parent's."""
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._wanted: set[str] = set()
        self._thread: threading.Thread | None = None
        self._leaving = False
        self._finishing = False
        self._not_before = -math.inf

    def send(self, alias: str) -> None:
        """Soon, and never in this thread."""
        if self._process != os.getpid():  # uWSGI forks without a word to Python
            self._begin()
        with self._changed:
            self._wanted.add(alias)
            if self._thread is None and not self._leaving:
                self._start()
            self._changed.notify_all()

    def _start(self) -> None:
        if not self._finishing:
            self._finishing = True
            at_exit(self.finish)
        thread = threading.Thread(target=self._run, daemon=True, name=self._name)
        thread.start()
        self._thread = thread

    def finish(self) -> None:
        """Send what has not left, for a limited time."""
        with self._changed:
            self._leaving = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(LAST_HINTS)

    def _run(self) -> None:
        channel: Channel | None = None
        last: dict[str, float] = {}
        troubles = 0
        while (alias := self._next(last)) is not None:
            last[alias] = time.monotonic()
            try:
                channel = channel or self._open()
                channel.send(alias)
                troubles = 0
            except Exception:
                troubles = min(troubles + 1, 10)
                pause = min(2.0 ** (troubles - 1), LONGEST_PAUSE)
                if not self._leaving:
                    logger.exception("No hint was sent; again in %d seconds", pause)
                self._again(alias, pause)
                _close(channel)
                channel = None
        _close(channel)

    def _again(self, alias: str, pause: float) -> None:
        with self._changed:
            self._not_before = time.monotonic() + pause
            if not self._leaving:
                self._wanted.add(alias)

    def _next(self, last: dict[str, float]) -> str | None:
        """The mailer to send a hint for, when its time has come; None to end."""
        quiet_since = time.monotonic()
        with self._changed:
            while True:
                now = time.monotonic()
                times = {
                    alias: max(last.get(alias, -math.inf) + APART, self._not_before)
                    for alias in self._wanted
                }
                alias = min(times, key=times.__getitem__, default=None)
                if alias is not None and (self._leaving or times[alias] <= now):
                    self._wanted.discard(alias)
                    return alias
                if alias is None and (self._leaving or now >= quiet_since + QUIET):
                    self._thread = None
                    return None
                until = quiet_since + QUIET if alias is None else times[alias]
                self._changed.wait(max(0.0, until - now))


def _close(channel: Channel | None) -> None:
    if channel is not None:
        with contextlib.suppress(Exception):  # it is of no use any more
            channel.close()
