"""A database, a mail server, and a clerk between them that starts and ends workers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from outbox.survival.databases import database
from outbox.survival.sink import Sink

__all__ = ["ClerkError", "Stage", "eventually", "stage_on", "staged"]

_HERE = Path(__file__).resolve().parent
_PATIENCE = 20.0  # seconds for what takes none; nothing is measured against it
_PATIENCE_WITH_MANY = 300.0  # seconds for thousands of mails


class ClerkError(Exception):
    """What the clerk was asked for raised this."""


class Stage:
    """`call` has the clerk do something, `start` in a process of its own."""

    def __init__(self, settings: dict[str, Any], sink: Sink, concurrency: int) -> None:
        self.settings = settings
        self.sink = sink
        self.concurrency = concurrency
        self.log: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        environment = os.environ | {
            "MAILPLUS_STAGE": json.dumps(
                {"database": settings, "port": sink.port, "concurrency": concurrency}
            ),
            "DJANGO_SETTINGS_MODULE": "stage_settings",
            "PYTHONPATH": os.pathsep.join([str(_HERE), *filter(None, sys.path)]),
        }
        self._clerk = subprocess.Popen(
            [sys.executable, "-X", "dev=0", str(_HERE / "clerk.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        self._running: set[int] = set()
        self._asking = threading.Lock()

    @property
    def cap(self) -> int:
        """How many mails one worker may have sent and not recorded."""
        return 2 * self.concurrency

    @property
    def window(self) -> int:
        """How many mails one worker may have claimed and not recorded."""
        return 3 * self.concurrency

    def call(self, name: str, /, **arguments: Any) -> Any:
        assert self._clerk.stdin is not None
        assert self._clerk.stdout is not None
        with self._asking:  # the server of the stage asks as well
            self._clerk.stdin.write(json.dumps([name, arguments]) + "\n")
            self._clerk.stdin.flush()
            line = self._clerk.stdout.readline()
        if not line:
            raise ClerkError(f"The clerk is gone.\n{self.words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ClerkError(answer["error"])
        return answer["value"]

    def start(self, what: str = "work", /, **arguments: Any) -> int:
        pid = int(self.call("start", what=what, **arguments))
        self._running.add(pid)
        return pid

    def wait(self, pid: int, seconds: float = _PATIENCE) -> int | None:
        """Its exit status, negative for a signal; None if it has not ended by then."""
        until = time.monotonic() + seconds
        status: int | None = None
        while (status := self.call("ended", pid=pid)) is None:
            if time.monotonic() > until:
                return None
            time.sleep(0.01)
        self._running.discard(pid)
        return status

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if number == signal.SIGKILL:
            self.wait(pid)

    def drain(self, **options: Any) -> None:
        """Let a worker send all that can be sent, after those that are gone."""
        until = time.monotonic() + _PATIENCE_WITH_MANY
        while time.monotonic() < until:
            self.call("hurry")
            pid = self.start(drain=True, **options)
            ended = self.wait(pid, _PATIENCE_WITH_MANY)
            assert ended == 0, (
                f"{ended} of the drain, None if it goes on: {self.words()}"
            )
            if not set(self.states()) & {"queued", "sending"}:
                return
            time.sleep(0.1)
        raise AssertionError(f"They are still {self.states()}.\n{self.words()}")

    def wait_for_sent(self, count: int) -> None:
        eventually(lambda: self.states().get("sent") == count)

    def states(self) -> dict[str, int]:
        found: dict[str, int] = self.call("states")
        return found

    def words(self) -> str:
        """What the processes said."""
        self.log.seek(0)
        return self.log.read()[-5_000:]

    def start_over(self) -> None:
        for pid in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            self.kill(pid)
        self.sink.start_over()
        self.call("start_over")

    def close(self) -> None:
        for pid in list(self._running):
            self.kill(pid)
        assert self._clerk.stdin is not None
        self._clerk.stdin.close()
        assert self._clerk.stdout is not None
        self._clerk.stdout.close()
        self._clerk.wait(_PATIENCE)
        self.log.close()


@contextlib.contextmanager
def stage_on(settings: dict[str, Any], *, concurrency: int = 2) -> Iterator[Stage]:
    """With tables in the database."""
    with Sink() as sink:
        stage = Stage(settings, sink, concurrency)
        try:
            stage.call("create_tables")
            yield stage
        finally:
            stage.close()


@contextlib.contextmanager
def staged(kind: str, *, concurrency: int = 2) -> Iterator[Stage]:
    with database(kind) as settings, stage_on(settings, concurrency=concurrency) as s:
        yield s


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < until, "It never came to be"
        time.sleep(0.005)
