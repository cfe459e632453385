"""PostgreSQL tells waiting workers of new mail at once. They look now and then anyway."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

from django.db import Error, connections

from django_mailplus.outbox.mailers.configured import outboxes
from django_mailplus.outbox.models import database
from django_mailplus.outbox.sending.bell import Bell
from django_mailplus.outbox.sending.worker import Worker

__all__ = ["CHANNEL", "listening", "notify"]

logger = logging.getLogger(__name__)

CHANNEL = "mailplus_outbox"
_LONGEST_SILENCE = 60.0  # seconds until it asks whether the server is still there
_LONGEST_PAUSE = 30.0  # seconds between two tries to connect
_LONGEST_END = 2.0  # seconds; a server that went silent may never answer the thread


def notify() -> None:
    """Wake the workers that listen; nothing on other databases than PostgreSQL."""
    connection = connections[database()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")


@contextlib.contextmanager
def listening(worker: Worker) -> Iterator[None]:
    """Meanwhile a NOTIFY sets `worker.wakeup`.

    Holds a connection of its own in a thread, but only where an outbox has `notify` and
    the database is PostgreSQL. What goes wrong is logged: the worker polls.
    """
    wanted = any(options.get("notify") for _, options in outboxes())
    if not wanted or connections[database()].vendor != "postgresql":
        yield
        return
    listener = _Listener(worker.wakeup)
    listener.start()
    try:
        yield
    finally:
        listener.stop()


class _Listener:
    def __init__(self, wakeup: Bell) -> None:
        self._wakeup = wakeup
        self._ended = threading.Event()
        self._bell, self._ringer = socket.socketpair()
        self._thread = threading.Thread(
            target=self._run, daemon=True, name="mailplus listener"
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it, or leave it to the end of the process if it waits for the server."""
        self._ended.set()
        self._ringer.close()  # which ends its select
        self._thread.join(_LONGEST_END)

    def _run(self) -> None:
        with self._bell:
            self._listen_until_ended()

    def _listen_until_ended(self) -> None:
        pause = 1.0
        while not self._ended.is_set():
            connection = _connection()
            try:
                connection.ensure_connection()
                with connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {CHANNEL}")
                pause = 1.0
                self._listen(connection)
            except (Error, OSError, ValueError) as error:
                if self._ended.is_set():
                    return
                kind = type(error).__name__
                logger.warning("Not listening (%s); again in %d seconds", kind, pause)
                self._ended.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            finally:
                with contextlib.suppress(Error):
                    connection.close()

    def _listen(self, connection: Any) -> None:
        self._wakeup.set()  # for what came before we listened
        raw = connection.connection
        while not self._ended.is_set():
            readable, _, _ = select.select([raw, self._bell], [], [], _LONGEST_SILENCE)
            if not readable:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
            elif raw in readable:
                with connection.wrap_database_errors:
                    notified = _notified(raw)
                if notified:
                    self._wakeup.set()


def _connection() -> Any:
    """One of our own, not of the pool: it would go back there and go on listening."""
    connection = connections[database()].copy()
    connection.settings_dict["OPTIONS"].pop("pool", None)
    return connection


def _notified(raw: Any) -> bool:
    """Take what has arrived; raises the driver's error when the connection is lost."""
    if hasattr(raw, "poll"):  # psycopg2
        raw.poll()
        found = bool(raw.notifies)
        raw.notifies.clear()
        return found
    raw.pgconn.consume_input()
    found = False
    while raw.pgconn.notifies() is not None:
        found = True
    return found
