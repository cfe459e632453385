"""A worker as a process, a mail server that waits, and a database that both can reach."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import connection, connections
from misbehaving_server import MisbehavingServer

from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import storing

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds; a test that fails may take so long
SETTINGS = """
from settings import *
DATABASES["default"]["NAME"] = {name!r}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {{"timeout": 30, "transaction_mode": "IMMEDIATE"}}
MAILERS = {mailers!r}
"""


class PatientServer(MisbehavingServer):
    """Answers no content before `gate` is set; `waiting` once somebody waits for it."""

    def __init__(self, **replies) -> None:
        self.gate = threading.Event()
        self.waiting = threading.Event()
        super().__init__(**replies)

    def __exit__(self, *exc_info: object) -> None:
        self.gate.set()
        super().__exit__(*exc_info)

    def _say(self, session, step, line=""):
        if step == "content":
            self.waiting.set()
            self.gate.wait(PATIENCE)
        return super()._say(session, step, line)


@contextlib.contextmanager
def shared_database(folder: Path) -> Iterator[str]:
    """The name of the database of the test; SQLite in memory becomes a file for it."""
    if connection.vendor != "sqlite":
        yield connection.settings_dict["NAME"]
        return
    given = connections["default"]
    name = folder / "worker.sqlite3"
    try:
        shutil.copy(_template(folder), name)
        connections["default"] = _sqlite(given, name)
        yield str(name)
    finally:
        connections["default"].close()
        connections["default"] = given


_made: list[Path] = []


def _template(folder: Path) -> Path:
    """Migrated once for all tests."""
    if not (_made and _made[0].exists()):
        path = folder.parent / f"template-{os.getpid()}.sqlite3"
        connections["default"] = _sqlite(connections["default"], path)
        call_command("migrate", verbosity=0)
        connections["default"].close()
        _made[:] = [path]
    return _made[0]


def _sqlite(like: Any, path: Path) -> Any:
    options = {"timeout": 30, "transaction_mode": "IMMEDIATE"}
    said = {**like.settings_dict, "NAME": str(path), "OPTIONS": options}
    return type(like)(said, "default")


def mailers_for(server, *, aliases=("smtp",), **options):
    """An outbox before each alias, all of them on one server."""
    found = {}
    for place, alias in enumerate(aliases):
        found[f"box{place}" if place else "default"] = {
            "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
            "OPTIONS": {"using": alias, "dispatch": "worker"},
        }
        found[alias] = {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": server.host,
                "port": server.port,
                "concurrency": 1,
                "timeout": 50,
                **options,
            },
        }
    return found


def store(count, mailer="smtp", to="bob{}@example.com", **options):
    message = [
        (
            EmailMessage(f"No {n}", "Body", "ann@example.com", [to.format(n)]),
            OutboxOptions(**options),
        )
        for n in range(count)
    ]
    ids = [stored.id for stored in storing.store(message, mailer)]
    return list(rows().filter(pk__in=ids).order_by("pk"))


@contextlib.contextmanager
def tables_away(*models: Any) -> Iterator[Callable[[], None]]:
    """Meanwhile it is as if `migrate` had not been run; what it gives ends that."""
    away = [model._meta.db_table for model in models]

    def back() -> None:
        while away:
            _rename(f"{away[-1]}_away", away[-1])
            away.pop()

    for table in away:
        _rename(table, f"{table}_away")
    try:
        yield back
    finally:
        back()


def _rename(table: str, name: str) -> None:
    with connections[database()].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


def rows():
    return OutboxMessage.objects.using(database())


def states(**filters):
    found = rows().filter(**filters).order_by("state")
    return list(found.values_list("state", flat=True))


class WorkerProcess:
    """`runmailworker`, whose output is collected; on a terminal where `columns` is given."""

    def __init__(self, folder, name, mailers, *arguments, columns=0, **environment):
        (folder / "worker_settings.py").write_text(
            SETTINGS.format(name=name, mailers=mailers), encoding="utf-8"
        )
        self.output = ""
        self._ours, theirs = pty.openpty() if columns else os.pipe()
        if columns:
            termios.tcsetwinsize(theirs, (24, columns))
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "django", "runmailworker"),
                *arguments,
            ],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "worker_settings",
                "PYTHONPATH": os.pathsep.join(
                    [str(folder), str(ROOT / "tests"), str(ROOT)]
                ),
                "PYTHONIOENCODING": "utf-8",
                "TERM": "xterm",
                **environment,
            },
            stdout=theirs,
            stderr=subprocess.PIPE,
            preexec_fn=self.before,
        )
        os.close(theirs)

    before = None

    def read_until(self, text: str) -> str:
        until = time.monotonic() + PATIENCE
        while text not in self.output:
            assert self._read(), (text, self.output, self.process.stderr.read())
            assert time.monotonic() < until, (text, self.output)
        return self.output

    def _read(self) -> bool:
        readable, _, _ = select.select([self._ours], [], [], 1)
        if not readable:
            return True
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the other end of a terminal was closed
            data = b""
        self.output += data.decode("utf-8", "replace")
        return bool(data)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Nobody reads what it prints any more."""
        os.close(self._ours)
        self._ours = -1

    def end(self) -> tuple[int, str]:
        """The exit code and what it wrote to stderr."""
        while self._ours >= 0 and self._read():
            pass
        errors = self.process.stderr.read().decode()
        return self.process.wait(PATIENCE), errors

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        if self._ours >= 0:
            os.close(self._ours)
