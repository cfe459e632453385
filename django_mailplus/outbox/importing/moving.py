"""Rows of another queue into the outbox, batch by batch, each in one transaction.

A row is taken from the old queue in the transaction that stores its mail. Where the two
are in different databases the mail is stored first; its idempotency key tells a second
run that it is there.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from django.core.mail import EmailMessage
from django.db import DatabaseError, DataError, connections, transaction
from django.db.models import QuerySet

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message.snapshot import take
from django_mailplus.message.wire import to_bytes
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import storing

__all__ = [
    "Carried",
    "Destination",
    "ImportRefusedError",
    "NotCarriedError",
    "Outcome",
    "Source",
    "move",
]


class ImportRefusedError(Exception):
    """Nothing was moved: as things are, mail could be lost or sent twice."""


class NotCarriedError(Exception):
    """This row cannot be moved; the words hold nothing of what the mail says."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Carried:
    """A mail of the old queue. `backend` is what it is to be sent with, "" the usual.

    `held`: nobody knows whether it was sent, so a human decides.
    """

    message: EmailMessage
    options: OutboxOptions
    backend: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The mailer that sends, and what its outbox says about mails."""

    mailer: str
    options: OutboxOptions


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Outcome:
    """What became of one row; `id` is that of its mail in the outbox, once it has one."""

    row: Any
    what: Literal["moved", "held", "moved before", "stays"]
    id: uuid.UUID | None = None
    message: EmailMessage | None = None
    reason: str = ""


class Source(Protocol):
    """A queue of another package."""

    name: str
    database: str

    def alone(self) -> AbstractContextManager[None]:
        """Keep the old sender from sending; raises `ImportRefusedError` while it runs."""

    def waiting(self) -> QuerySet[Any]:
        """What the old sender would still send."""

    def left_alone(self) -> list[str]:
        """What of the queue is not moved on purpose, in words."""

    def carry(self, row: Any) -> Carried:
        """The mail of a row; whatever it raises, the row stays."""

    def let_go(self, moved: Sequence[Outcome]) -> None:
        """See to it that the old sender does not send these rows."""


def move(
    source: Source,
    choose: Callable[[str], Destination],
    *,
    at_once: int,
    dry_run: bool = False,
) -> Iterator[Outcome]:
    """Move what is waiting; what became of each row, once its batch is committed."""
    last: Any = None
    while True:
        rows, outcomes = _move_batch(source, choose, last, at_once, dry_run)
        if not rows:
            return
        last = rows[-1].pk
        yield from outcomes


def _move_batch(
    source: Source,
    choose: Callable[[str], Destination],
    last: Any,
    at_once: int,
    dry_run: bool,
) -> tuple[list[Any], list[Outcome]]:
    with transaction.atomic(using=source.database):
        waiting = source.waiting() if dry_run else _locked(source)
        if last is not None:
            waiting = waiting.filter(pk__gt=last)
        rows = list(waiting.order_by("pk")[:at_once])
        # The inner one is committed first, where it is another database.
        with nullcontext() if dry_run else transaction.atomic(using=database()):
            outcomes = [_move_row(source, choose, row, dry_run) for row in rows]
        if not dry_run:
            source.let_go([outcome for outcome in outcomes if outcome.id is not None])
    return rows, outcomes


def _locked(source: Source) -> QuerySet[Any]:
    """Without those that somebody else is at, an old sender or another import."""
    features = connections[source.database].features
    skip = features.has_select_for_update_skip_locked
    return source.waiting().select_for_update(skip_locked=skip)


def _move_row(
    source: Source, choose: Callable[[str], Destination], row: Any, dry_run: bool
) -> Outcome:
    try:
        with ExitStack() as savepoints:
            for alias in {source.database, database()}:
                savepoints.enter_context(transaction.atomic(using=alias))
            carried = source.carry(row)
            destination = choose(carried.backend)
            to_bytes(carried.message)  # one that cannot be written is no mail to move
            return _store(row, carried, destination, dry_run)
    except DatabaseError as error:
        if not isinstance(error, DataError):
            raise
        reason = type(error).__name__
    except (NotCarriedError, SnapshotError) as error:
        reason = str(error)
    except Exception as error:  # its words may be those of the mail
        reason = type(error).__name__
    return Outcome(row=row, what="stays", reason=reason)


def _store(
    row: Any, carried: Carried, destination: Destination, dry_run: bool
) -> Outcome:
    if not carried.message.recipients():
        raise NotCarriedError("It goes to nobody.")
    to_be: Literal["moved", "held"] = "held" if carried.held else "moved"
    if dry_run:
        take(carried.message)
        return Outcome(row=row, what=to_be)
    options = carried.options.or_else(destination.options)
    [stored] = storing.store([(carried.message, options)], destination.mailer)
    if stored.is_new and carried.held:
        transitions.hold(OutboxMessage.objects.using(database()).filter(pk=stored.id))
    return Outcome(
        row=row,
        what=to_be if stored.is_new else "moved before",
        id=stored.id,
        message=carried.message,
    )
