"""Keeps mails, and of them the newest: in the transaction of the caller.

So a mail that is sent in a transaction is there when that is committed, and is not when it
is rolled back, as with an outbox.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import Error, connections, transaction

from django_mailplus.columns import storable
from django_mailplus.conf import setting
from django_mailplus.inbox.models import (
    CaughtMail,
    CaughtRecipient,
    Outcome,
    database,
    mails,
)
from django_mailplus.inbox.summary import Recipients, recipients_over_smtp, summary
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again

__all__ = ["Arrival", "catch", "catch_received", "delete", "prune"]

logger = logging.getLogger(__name__)

_AT_ONCE = 1_000  # rows that one `prune` deletes
# Bytes of mails in one; MariaDB takes 16 MiB if nobody says else.
_STATEMENT = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One mail to be kept; `source` is "backend" or "smtp"."""

    raw: bytes = field(repr=False)
    recipients: Recipients = field(repr=False)
    source: str
    mailer: str = ""
    outcome: Outcome = Outcome.CAUGHT
    origin: dict[str, Any] = field(default_factory=dict, repr=False)


@tried_again(database)
def catch(arrivals: Sequence[Arrival]) -> list[int]:
    """Store mails, and give their ids. Raises what the database raises.

    What is beyond the newest MAILPLUS["INBOX_KEEP"] goes after the commit.
    """
    rows = [_row(arrival) for arrival in arrivals]
    with transaction.atomic(using=database()):
        _insert(rows)
        CaughtRecipient.objects.using(database()).bulk_create(
            (
                CaughtRecipient(
                    mail=row,
                    key=lookalike_key(address),
                    address=storable(address, 320),
                    kind=kind,
                )
                for row, arrival in zip(rows, arrivals, strict=True)
                for kind, address in arrival.recipients
            ),
            batch_size=500,
        )
    transaction.on_commit(_prune_quietly, using=database())
    return [row.pk for row in rows]


def catch_received(raw: bytes, rcpt_to: Iterable[str]) -> None:
    """Store a mail that came over SMTP. Raises what the database raises."""
    people = recipients_over_smtp(raw, rcpt_to)
    catch([Arrival(raw=raw, recipients=people, source="smtp")])


def _row(arrival: Arrival) -> CaughtMail:
    return CaughtMail(
        raw=arrival.raw,
        source=arrival.source,
        mailer=arrival.mailer,
        outcome=arrival.outcome,
        origin=arrival.origin,
        **summary(arrival.raw, arrival.recipients),
    )


def _insert(rows: Sequence[CaughtMail]) -> None:
    """In few statements where the database answers with the ids: MySQL does not."""
    largest = max((row.size for row in rows), default=1)
    if connections[database()].features.can_return_rows_from_bulk_insert:
        fitting = max(_STATEMENT // max(largest, 1), 1)
        CaughtMail.objects.using(database()).bulk_create(rows, batch_size=fitting)
        return
    for row in rows:
        row.save(using=database(), force_insert=True)


def _prune_quietly() -> None:
    try:
        prune()
    except Error as error:  # such as a deadlock: the next mail prunes again
        logger.info("The inbox was not pruned: %s", type(error).__name__)


def prune(*, dry_run: bool = False) -> int:
    """Delete all but the newest MAILPLUS["INBOX_KEEP"]; how many those were.

    In short transactions of its own, and past rows that another process deletes just now.
    Raises DatabaseError.
    """
    keep = setting("INBOX_KEEP")
    numbers = mails().values_list("pk", flat=True)
    newest_of_old = numbers[keep : keep + 1].first()
    if newest_of_old is None:
        return 0
    old = mails().filter(pk__lte=newest_of_old)
    if dry_run:
        return old.count()
    features = connections[database()].features
    unlocked = old.order_by("pk").select_for_update(
        skip_locked=features.has_select_for_update_skip_locked
    )
    count = 0
    while True:
        with transaction.atomic(using=database()):
            ids = list(unlocked.values_list("pk", flat=True)[:_AT_ONCE])
            count += delete(ids)
        if len(ids) < _AT_ONCE:
            return count


def delete(ids: Sequence[int]) -> int:
    """Mails and their recipients, without reading what they say; how many there were."""
    CaughtRecipient.objects.using(database()).filter(mail__in=ids).delete()
    old = CaughtMail.objects.using(database()).filter(pk__in=ids).only("pk")
    return old.delete()[1].get("mailplus.CaughtMail", 0)
