"""What a pool asks of a connection, and the three ways in which the two part."""

from __future__ import annotations

import contextlib
import os
import time
from contextvars import Context
from typing import Any, Protocol

__all__ = ["Poolable", "alive", "drop", "let_go", "part"]

_GOODBYE = 1.0  # seconds to wait for the answer to QUIT; the mail is long delivered


class Poolable(Protocol):
    """What a pool must know of a connection that is ready to send."""

    sock: Any  # socket.socket, or None once closed

    @property
    def created(self) -> float:
        """When it was opened, by `time.monotonic()`."""

    @property
    def used(self) -> int:
        """How many transactions it has seen."""

    def alive(self) -> bool:
        """Whether the server has neither closed nor spoken unasked; sends nothing."""

    def close(self) -> None:
        """Drop it; writes nothing."""

    def quit(self) -> object:
        """Take leave of the server."""


def alive(session: Poolable) -> bool:
    """Whether the session says so of itself."""
    try:
        return session.alive()
    except Exception:  # of a socket closed under its hands
        return False


def part(session: Poolable, *, until: float | None = None) -> None:
    """QUIT and close, by a moment of `time.monotonic()`; writes nothing after it.

    No message hangs on it, so its failure is nobody's.
    """
    seconds = _GOODBYE if until is None else min(_GOODBYE, until - time.monotonic())
    try:
        if seconds > 0 and alive(session):
            session.sock.settimeout(seconds)
            # In no transcript: the sender did not ask for it, or not over this connection.
            with contextlib.suppress(Exception):
                Context().run(session.quit)
    finally:
        drop(session)


def drop(session: Poolable) -> None:
    """Close it without a word."""
    with contextlib.suppress(Exception):
        session.close()


def let_go(session: Poolable) -> None:
    """Close this process's copy of the descriptor alone, in a forked child.

    Nothing else: TLS might say goodbye, and a lock of the reader might be held by a
    thread that does not exist here. Whoever still holds the session cannot write.
    """
    with contextlib.suppress(Exception):
        if session.sock is not None and (descriptor := session.sock.detach()) >= 0:
            os.close(descriptor)
