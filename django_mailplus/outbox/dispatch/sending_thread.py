"""The thread that sends for one mailer, in the process that has mails for it.

It starts with the first hint. When nothing came for a while it gives back what it holds,
sleeps until the next mail is due, and ends when none waits; the next hint starts another.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import Any

from django.db import Error, connections

from django_mailplus.chain import find_backend, leaves
from django_mailplus.compat import get_mailer
from django_mailplus.outbox.dispatch.at_exit import at_exit
from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.outage import fault_of
from django_mailplus.outbox.sending.bell import Bell
from django_mailplus.outbox.sending.draining import drain
from django_mailplus.outbox.sending.worker import Progress, Worker

__all__ = ["finish", "wake"]

logger = logging.getLogger(__name__)

QUIET = 10.0  # seconds without a mail, after which connections are given back
FORKING = 0.5  # seconds for which a fork waits until threads are out of the database
A_MOMENT = 0.05  # seconds, at exit, for another worker's locks
HICCUP = 2.0  # seconds; a database that fails for longer is left alone for a while
LONGEST_SLEEP = 60.0  # seconds; a human may have resumed a mailer, or retried a mail
TO_BE_TRIED = 10.0  # seconds at exit for what is due
IN_FLIGHT = 5.0  # seconds at exit, after those, for what is on its way


class _SendingThread:
    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._worker: Worker | None = None
        self._awake = Bell()
        self._busy = (
            threading.Lock()
        )  # held where a fork would take a transaction along
        self._hinted = False
        self._leaving = self._stopping = False
        self._done = Progress()
        self._active = 0.0
        self._troubles = 0

    def wake(self) -> None:
        with self._lock:
            self._hinted = True
            if self._thread is None and not self._leaving:
                self._start()
            self._awake.set()
            too_late = self._thread is None
        if too_late:  # for a thread: another handler at exit sends a mail
            drain([self._alias], seconds=TO_BE_TRIED)

    def _start(self) -> None:
        _import_backends(self._alias)
        name = f"mailplus outbox {self._alias}".rstrip()
        thread = threading.Thread(target=self._run, daemon=True, name=name)
        _finish_at_exit()
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        while True:
            with self._busy:
                wait = self._work()
                self._rest()
            if self._ends(wait):
                return
            if not self._leaving:
                self._awake.wait(min(wait or 0.0, LONGEST_SLEEP))
            elif not self._hinted:
                time.sleep(A_MOMENT)

    def _work(self) -> float | None:
        """Send until it is quiet; in how many seconds there is more, None for never."""
        try:
            self._send()
            wait = seconds_until_due(self._alias)
        except Exception as error:
            self._troubles = min(self._troubles + 1, 10)
            pause = min(2.0**self._troubles, LONGEST_SLEEP)
            _log_failure(error, pause)
            return pause
        self._troubles = 0
        return wait

    def _send(self) -> None:
        with self._lock:
            self._hinted = False
            self._awake.clear()
            self._worker = worker = Worker(
                [self._alias], patience=HICCUP, on_turn=self._turned
            )
            worker.wakeup = self._awake
            self._active, self._done = time.monotonic(), Progress()
            if self._leaving:
                worker.draining.set()
        worker.run()

    def hold_still(self, until: float) -> bool:
        """Whether it holds no transaction, and none until `go_on`."""
        self._awake.set()
        return self._busy.acquire(timeout=max(0.0, until - time.monotonic()))

    def go_on(self) -> None:
        self._busy.release()

    def _let_fork(self) -> None:
        if not _no_fork.is_set():
            connections.close_all()
            self._busy.release()
            _no_fork.wait()
            self._busy.acquire()

    def _turned(self, progress: Progress) -> None:
        self._let_fork()
        now = time.monotonic()
        if self._hinted or progress.under_way or progress != self._done:
            self._hinted, self._done, self._active = False, progress, now
        elif now - self._active >= QUIET and self._worker is not None:
            self._worker.stop.set()

    def _ends(self, wait: float | None) -> bool:
        with self._lock:
            if self._hinted or (wait is not None and not self._leaving):
                return False
            if wait == 0 and not self._stopping:  # passed over: see `drain`
                return False
            self._thread = self._worker = None
            return True

    def _rest(self) -> None:
        """Hold nothing: neither the database nor mail servers count on us meanwhile."""
        connections.close_all()
        try:
            for mailer in _leaves(self._alias):
                pool: Any = getattr(get_mailer(mailer), "pool", None)
                if hasattr(pool, "drain"):
                    pool.drain()
        except Exception:  # MAILERS is wrong, which whoever sends is told
            logger.debug("The connections of %r stay", self._alias, exc_info=True)

    def leave(self) -> None:
        """Try what is due, then end."""
        with self._lock:
            self._leaving = True
            if self._worker is not None:
                self._worker.draining.set()
            self._awake.set()

    def stop(self) -> None:
        """Begin nothing more, end when what is on its way has its answer."""
        with self._lock:
            self._hinted, self._stopping = False, True
            if self._worker is not None:
                self._worker.stop.set()
            self._awake.set()

    def join(self, until: float) -> bool:
        """Whether it has ended; waits for it, but no longer than that."""
        if (thread := self._thread) is not None:
            thread.join(max(0.0, until - time.monotonic()))
            return not thread.is_alive()
        return True


def _log_failure(error: Exception, pause: float) -> None:
    fault = fault_of(error) if isinstance(error, Error) else ""
    logger.error(
        "The outbox thread failed; again in %d seconds%s",
        pause,
        f". {fault}" if fault else "",
        exc_info=None if fault else error,
    )


def _leaves(alias: str) -> list[str | None]:
    return list(leaves(alias)) if alias else [None]


def _import_backends(alias: str) -> None:
    """Now, so that what they do at exit is done after what we do.

    And not while the thread runs: a process forked meanwhile would wait for the import.
    """
    for mailer in _leaves(alias):
        with contextlib.suppress(ImportError):
            if mailer is None:
                get_mailer(None)
            else:
                find_backend(mailer)


_threads: dict[str, _SendingThread] = {}
_process = os.getpid()
_finishing = 0  # the process that will call `finish`
_no_fork = threading.Event()
_no_fork.set()
_still: list[_SendingThread] = []


def wake(alias: str) -> None:
    """Let the thread of a mailer look at the table, which costs the caller nothing."""
    if os.getpid() != _process:  # uWSGI forks without a word to Python
        _begin()
    thread = _threads.get(alias)
    if thread is None:
        thread = _threads.setdefault(alias, _SendingThread(alias))
    thread.wake()


def finish() -> None:
    """Before the process ends: try what is due, then only what is on its way.

    Each for a time that is limited. An interrupt is a human who does not want to wait.
    """
    threads = list(_threads.values())
    for thread in threads:
        thread.leave()
    until = time.monotonic() + TO_BE_TRIED
    try:
        late = [thread for thread in threads if not thread.join(until)]
    except KeyboardInterrupt:
        late = threads
    if not late:
        return
    logger.warning(
        "The process ends before all mail was tried; the rest waits in the outbox"
    )
    for thread in late:
        thread.stop()
    until = time.monotonic() + IN_FLIGHT
    for thread in late:
        thread.join(until)


def _finish_at_exit() -> None:
    global _finishing
    if _finishing != os.getpid():
        _finishing = os.getpid()
        at_exit(finish)


def _begin() -> None:
    """A thread does not outlive a fork, and a lock may be held by one that is gone."""
    global _no_fork, _process, _still, _threads
    _threads, _process, _still = {}, os.getpid(), []
    _no_fork = threading.Event()
    _no_fork.set()


def _before_fork() -> None:
    """SQLite never lets go of a lock that was held when a process was forked."""
    until = time.monotonic() + FORKING
    _no_fork.clear()
    _still.extend(t for t in list(_threads.values()) if t.hold_still(until))


def _after_fork() -> None:
    _no_fork.set()
    while _still:
        _still.pop().go_on()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_begin
    )
