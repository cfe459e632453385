"""Who may change what is known about a user: one at a time, as the database has it now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, transaction

from django_mailplus.verification.models import database, primary

__all__ = ["idle_write", "locked", "writing"]


@contextmanager
def locked(user: Any) -> Iterator[Any]:
    """The user as the database has it now, and nobody else changing it until the end."""
    with writing() as written:
        users = get_user_model()._default_manager.using(written)
        # Without the joins of a manager: PostgreSQL cannot lock the far side of some.
        yield users.select_related(None).select_for_update().get(pk=user.pk)


@contextmanager
def writing() -> Iterator[str]:
    """A transaction whose reads are followed by writes, on the database it names.

    SQLite has no locks on rows: a transaction that reads first and writes later fails if
    another one wrote between, without waiting ("database is locked"). One that writes
    first waits for its turn.
    """
    written = database()
    with transaction.atomic(using=written):
        if not connections[written].features.has_select_for_update:
            idle_write()
        yield written


def idle_write() -> None:
    """As much work as the write that an address we know would have cost: by primary key."""
    primary().filter(pk=0).update(language="")
