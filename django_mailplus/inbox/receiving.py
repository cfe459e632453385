"""Mails of a mail server into the inbox, from whichever thread it runs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import close_old_connections, connections

from django_mailplus.inbox.catching import catch_received

__all__ = ["keeping"]

Keep = Callable[[bytes, Sequence[str]], None]


@contextmanager
def keeping() -> Iterator[Keep]:
    """Gives a function that stores a mail and waits until it is stored.

    It does so in a thread of its own: in an event loop Django allows no database.
    """

    def keep(raw: bytes, recipients: Sequence[str]) -> None:
        close_old_connections()
        try:
            catch_received(raw, recipients)
        finally:
            close_old_connections()

    with ThreadPoolExecutor(1, "inbox") as thread:
        try:
            yield lambda raw, recipients: thread.submit(keep, raw, recipients).result()
        finally:
            thread.submit(connections.close_all).result()
