"""Where previews run: what they write is undone, what they send is refused.

Each database has a transaction of its own for that. Where nobody is connected yet, it begins
with the first question, so that a database that no preview needs may be down.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from inspect import ismethod
from typing import Any

from django.db import connections
from django.db.transaction import Atomic

from django_mailplus.blocking import sending_blocked
from django_mailplus.compat import mailer_settings

__all__ = ["isolated"]

_NONE = "django.db.backends.dummy"  # of a project without a database


@contextmanager
def isolated() -> Iterator[None]:
    """All databases go back to what they were; nothing leaves, not even after a commit."""
    with ExitStack() as stack:
        for alias, configured in connections.settings.items():
            if configured["ENGINE"] != _NONE:
                stack.enter_context(_Undone(alias))
        stack.enter_context(sending_blocked(frozenset(_mail_ports())))
        yield


class _Undone(Atomic):
    """A transaction that is rolled back, and that begins when its database is asked first.

    To durable blocks it is no transaction, as that of a TestCase is none: they run. What it
    sets of a connection is what `Atomic.__enter__` and `BaseDatabaseWrapper.connect` set, in
    Django 5.2 to 6.1.
    """

    def __init__(self, alias: str) -> None:
        super().__init__(using=alias, savepoint=True, durable=False)
        self._alias = alias
        self._from_testcase = True

    def __enter__(self) -> None:
        connection: Any = connections[self._alias]
        self._waits = (
            connection.connection is None
            and not connection.in_atomic_block
            and connection.settings_dict["AUTOCOMMIT"]
        )
        if not self._waits:
            super().__enter__()
            return
        connection.commit_on_exit, connection.needs_rollback = True, False
        connection.closed_in_transaction = False
        connection.in_atomic_block = True
        connection.atomic_blocks.append(self)
        self._connect = connection.connect
        connection.connect = partial(self._begin, connection)

    def _begin(self, connection: Any) -> None:
        """Connect and begin. To connect resets what blocks there are; they are as before."""
        blocks, savepoints = connection.atomic_blocks, connection.savepoint_ids
        try:
            self._connect()
            connection.set_autocommit(
                False, force_begin_transaction_with_broken_autocommit=True
            )
            self._end_waiting(connection)
        finally:
            connection.in_atomic_block = True
            connection.atomic_blocks, connection.savepoint_ids = blocks, savepoints

    def __exit__(self, *error: Any) -> None:
        connection: Any = connections[self._alias]
        if self._waits:
            self._end_waiting(connection)
            connection.atomic_blocks.pop()
            connection.in_atomic_block = False
            connection.close()  # which also forgets what waits for a commit
        else:
            connection.needs_rollback = True
            super().__exit__(*error)

    def _end_waiting(self, connection: Any) -> None:
        self._waits = False
        del connection.connect
        if not ismethod(self._connect):  # the one that refuses, in a SimpleTestCase
            connection.connect = self._connect


def _mail_ports() -> Iterator[int]:
    for mailer in mailer_settings().values():
        port = (mailer.get("OPTIONS") or {}).get("port")
        if isinstance(port, int):
            yield port
