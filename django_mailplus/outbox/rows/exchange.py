"""A worker's turn at the table: what became of its mails goes in, the next ones come out.

In one transaction, so that the waiting for a commit is shared.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from django.db import connections, transaction

from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.models import database
from django_mailplus.outbox.rows import claims, one_statement, recording
from django_mailplus.outbox.rows.claims import Claim
from django_mailplus.outbox.states import State

__all__ = ["exchange"]


def exchange(
    told: Sequence[tuple[Claim, Verdict]],
    *,
    mailer: str,
    limit: int,
    worker: str,
    lease: float,
    token: str,
    grant: Callable[[int], int] | None = None,
) -> tuple[dict[uuid.UUID, State], list[Claim]]:
    """The states of those told of, as `recording.record`; up to `limit` new ones.

    After an error the database may have done it: see `claims.recover`.
    """
    if grant is None and _fits_one_statement(told):
        return one_statement.exchange(
            told, mailer=mailer, limit=limit, worker=worker, lease=lease, token=token
        )
    together = told or claims.skips_locked()  # see claims.choosing
    with transaction.atomic(using=database()) if together else nullcontext():
        ours = recording.record(told)
        if limit < 1:
            return ours, []
        return ours, claims.claim(
            mailer, limit, worker=worker, lease=lease, token=token, grant=grant
        )


def _fits_one_statement(told: Sequence[tuple[Claim, Verdict]]) -> bool:
    return connections[database()].vendor == "postgresql" and all(
        recording.is_plainly_sent(claim, verdict)
        and not (claim.sensitive or verdict.notes)
        for claim, verdict in told
    )
