"""Mails of workers that are gone: given back, or held for a human."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from django_mailplus.outbox.backoff import after_attempt
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Recipient,
    database,
)
from django_mailplus.outbox.rows.claims import (
    NOT_CLAIMED,
    choosing,
    rows,
    skips_locked,
)
from django_mailplus.outbox.rows.inserting import insert
from django_mailplus.outbox.rows.recording import retry_at
from django_mailplus.outbox.rows.statements import now
from django_mailplus.outbox.rows.telling import tell_after_commit
from django_mailplus.outbox.states import State

__all__ = ["reap"]

_AT_ONCE = 1_000  # rows


def reap() -> int:
    """Free the mails of workers that are gone; how many.

    Nobody knows whether the server has them: they are tried again, or held for a human
    where the mail says so. Rows that are locked wait: their worker may be frozen in a
    transaction, which must not stop us.
    """
    with choosing():
        over = rows().filter(state=State.SENDING, lease_until__lt=DatabaseNow())
        found = over.select_for_update(skip_locked=True) if skips_locked() else over
        lapsed = list(found.annotate(now=DatabaseNow()).values(*_LAPSED)[:_AT_ONCE])
        return _settle(over, lapsed) if lapsed else 0


# In place of what an earlier try had heard, which is not why nobody knows of this one.
_SAID: dict[str, Any] = {
    "code": None,
    "enhanced": "",
    "text": "The process that sent it ended, or stood still, before it could record what "
    "came of it.",
}
_LAPSED = (
    *("id", "mailer", "claimed_by", "claim_token", "attempts", "hold_unknown"),
    *("due_at", "give_up_at", "handover_started_at", "now"),
)


def _settle(over: QuerySet[OutboxMessage], lapsed: Sequence[Mapping[str, Any]]) -> int:
    """They are few: not more than each worker hands over at a time."""
    with transaction.atomic(using=database(), savepoint=False):
        settled = [row for row in lapsed if _settled(over, row)]
        insert(
            Attempt,
            {"ended_at": now(), "seconds": 0.0, "outcome": "unknown", **_SAID},
            [
                {"mail": r["id"], "worker": r["claimed_by"], "mailer": r["mailer"]}
                for r in settled
            ],
        )
        final = [row["id"] for row in settled if _is_final(row)]
        waiting = Recipient.objects.using(database()).filter(state=State.QUEUED)
        waiting.filter(mail__in=final).update(state=State.UNKNOWN, **_SAID)
        tell_after_commit(State.UNKNOWN, final)
    return len(settled)


def _is_final(row: Mapping[str, Any]) -> bool:
    return bool(row["hold_unknown"]) or _left(row) <= datetime.timedelta()


def _left(row: Mapping[str, Any]) -> datetime.timedelta:
    """How long there may be other tries; what it waited before it was claimed is free."""
    since: datetime.timedelta = row["now"] - row["handover_started_at"]
    whole: datetime.timedelta = row["give_up_at"] - row["due_at"]
    return whole - since


def _settled(over: QuerySet[OutboxMessage], row: Mapping[str, Any]) -> bool:
    values: dict[str, Any]
    if _is_final(row):
        values = {
            "state": State.UNKNOWN,
            "finalised_at": DatabaseNow(),
            "lease_until": None,
            "claim_token": "",  # who comes back shall not think it was recorded
        }
    else:
        values = {
            "state": State.QUEUED,
            "due_at": DatabaseNow(),
            "give_up_at": DatabaseNow() + _left(row),
            **NOT_CLAIMED,
        }
        if row["attempts"] > 1:  # perhaps its workers die of it, and others with it
            values["due_at"] = retry_at(after_attempt(row["attempts"]))
    ours = over.filter(pk=row["id"], claim_token=row["claim_token"])
    return bool(ours.update(**values, **_SAID))
