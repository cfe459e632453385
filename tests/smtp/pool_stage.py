"""What the tests of the pool share: a session, a server that counts, and patience."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from scripted_server import ScriptedServer

from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.pool import Pool


class _Greeted(SMTP):
    """A session after EHLO."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        # The C library takes locks to look up our own name, which no fork frees.
        options["local_hostname"] = "client.example.com"
        super().__init__(host, port, timeout=10, **options)
        self.ehlo()

    def mail_something(self) -> None:
        self.sendmail("ann@example.com", ["bob@example.com"], b"Subject: Hi\r\n\r\nHi")


class Session(_Greeted):
    """Without TLS."""


class SecureSession(_Greeted, SMTP_SSL):
    """With TLS from the first byte."""


class CountingServer(ScriptedServer):
    """Knows how many clients are connected, and how many have been at most.

    A client that says QUIT is gone then: it cannot know when we close.
    """

    def __init__(self, **options: Any) -> None:
        self._count_lock = threading.Lock()
        self._connected: set[socket.socket] = set()
        self.peak = 0
        super().__init__(**options)

    @property
    def connected(self) -> int:
        return len(self._connected)

    def _serve(self, connection: socket.socket) -> None:
        with self._count_lock:
            self._connected.add(connection)
            self.peak = max(self.peak, len(self._connected))
        try:
            super()._serve(connection)
        finally:
            self._gone(connection)

    def _reply(self, connection: socket.socket, stage: str, line: str = "") -> bool:
        if stage == "quit":
            self._gone(connection)
        return super()._reply(connection, stage, line)

    def cut_all(self) -> None:
        """End all connections, as a server that restarts."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _gone(self, connection: socket.socket) -> None:
        with self._count_lock:
            self._connected.discard(connection)


def pool_to(
    server: ScriptedServer | None = None,
    *,
    port: int = 0,
    trusted: str = "",
    **limits: float | None,
) -> Pool[Any]:
    """A pool of connections to a server, or to a port of this machine."""
    name = "smtp.example.com:587"
    if trusted:
        context = ssl.create_default_context(cafile=trusted)
        return Pool(
            lambda: SecureSession("127.0.0.1", port, context=context),
            Limits(**limits),
            name=name,
        )
    port = server.port if server is not None else port
    return Pool(lambda: Session("127.0.0.1", port), Limits(**limits), name=name)


def eventually(holds: Callable[[], object]) -> None:
    """Wait for what another thread or process is about to do."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)
