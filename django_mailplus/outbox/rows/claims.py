"""Mails that a worker has taken, and gives back or hands over.

Of two who want one row one gets it, on every database: a change is an UPDATE that names
the state it starts from. The time is always the database's, for hosts disagree.
"""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.models import (
    F,
    Q,
    QuerySet,
)

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import (
    OutboxMessage,
    database,
)
from django_mailplus.outbox.rows import statements
from django_mailplus.outbox.states import Priority, State

__all__ = [
    "NOT_CLAIMED",
    "Claim",
    "choosing",
    "claim",
    "new_token",
    "of_row",
    "ours",
    "recover",
    "release",
    "renew",
    "rows",
    "skips_locked",
    "under_token",
]

NOT_CLAIMED: dict[str, Any] = {
    "claim_token": "",
    "lease_until": None,
    "handover_started_at": None,
}


def rows() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.using(database())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Claim:
    """A mail that a worker has taken: all that it needs to know of it."""

    id: uuid.UUID
    token: str
    worker: str
    mailer: str
    attempts: int
    hold_unknown: bool
    sensitive: bool
    document: str  # see `message.snapshot`
    has_fates: bool  # whether its recipients have rows, from earlier tries
    expires_in: float  # seconds from the claim; inf for never
    give_up_in: float  # as well; what kept it from being claimed took none of that

    def __repr__(self) -> str:
        return f"<Claim {self.id}>"


def claim(
    mailer: str,
    limit: int,
    *,
    worker: str,
    lease: float,
    token: str = "",
    grant: Callable[[int], int] | None = None,
) -> list[Claim]:
    """Up to so many mails that are due, with what they say, for `lease` seconds.

    Whoever claims a mail hands it over at once: from now on the server may have it,
    whatever happens to us. Choosing takes no lock that anybody waits for; it is the
    UPDATE that decides who gets a row. Nobody else touches them until the lease is over.
    `grant` says how many of the mails that were chosen may go, `token` what they shall
    stand under.
    """
    with choosing():
        keys: list[Any] = []
        for priority in Priority.values:
            if len(keys) < limit:
                keys += statements.due(mailer, priority, limit - len(keys))
        if grant is not None:
            keys = keys[: grant(len(keys))]
        token = token or new_token()
        if not keys or not statements.claim(keys, token, worker, lease):
            return []
        found = statements.claimed(keys, [token])
    return [
        of_row(key, found[key], worker=worker, mailer=mailer)
        for key in keys
        if key in found
    ]


def recover(tokens: Sequence[str], **known: str) -> list[Claim]:
    """What was claimed by calls that failed, perhaps after the database had done it."""
    found = statements.claimed(None, tokens)
    return [of_row(key, values, **known) for key, values in found.items()]


def new_token() -> str:
    return uuid.uuid4().hex


def of_row(key: Any, values: tuple[Any, ...], **known: Any) -> Claim:
    """From what the database says of it: see `statements.claimed`."""
    token, attempts, hold_unknown, sensitive, document, fate, *times = values
    expires_at, due_at, give_up_at, moment = times
    return Claim(
        token=token,
        attempts=attempts,
        hold_unknown=bool(hold_unknown),
        sensitive=bool(sensitive),
        document=document or "",
        has_fates=bool(fate),
        expires_in=math.inf if expires_at is None else _seconds(moment, expires_at),
        give_up_in=_seconds(due_at, give_up_at),
        id=_uuid(key),
        **known,
    )


def _uuid(key: Any) -> uuid.UUID:
    """Of a key as the database has it."""
    return key if isinstance(key, uuid.UUID) else uuid.UUID(key)


def _seconds(begin: Any, end: Any) -> float:
    """Between two times as the database has them; SQLite has text."""
    if isinstance(begin, str):
        begin = datetime.datetime.fromisoformat(begin)
    if isinstance(end, str):
        end = datetime.datetime.fromisoformat(end)
    return float((end - begin).total_seconds())


def renew(claims: Iterable[Claim], lease: float) -> int:
    """Keep them for another `lease` seconds; how many are still ours."""
    claims = list(claims)
    until = DatabaseNow() + datetime.timedelta(seconds=lease)
    return ours(claims).update(lease_until=until) if claims else 0


def release(claims: Iterable[Claim], *, wait: float | None = None) -> None:
    """Give back what was claimed and not begun, as if it had never been claimed.

    `wait` are seconds for which nobody need look at them again. That takes none of the
    time for their tries, just as when nobody had been there to claim them.
    """
    claims, later = list(claims), {}
    if wait is not None:
        seconds = datetime.timedelta(seconds=wait)
        later = {
            # Before `due_at`, for MySQL computes with what it has just written.
            "give_up_at": F("give_up_at") + (DatabaseNow() - F("due_at")) + seconds,
            "due_at": DatabaseNow() + seconds,
        }
    if claims:
        ours(claims).update(
            state=State.QUEUED, attempts=F("attempts") - 1, **NOT_CLAIMED, **later
        )


def ours(claims: Iterable[Claim]) -> QuerySet[OutboxMessage]:
    """The rows as we have claimed them: whoever was presumed dead changes nothing."""
    return rows().filter(under_token(claims), state=State.SENDING)


def under_token(claims: Iterable[Claim]) -> Q:
    by_token: dict[str, list[uuid.UUID]] = {}
    for claim in claims:
        by_token.setdefault(claim.token, []).append(claim.id)
    found = Q()
    for token, ids in by_token.items():
        found |= Q(claim_token=token, pk__in=ids)
    return found


def skips_locked() -> bool:
    return connections[database()].features.has_select_for_update_skip_locked


def choosing() -> AbstractContextManager[Any]:
    """For a choice and a change of what was chosen.

    Where the choice takes no locks it is outside a transaction: SQLite refuses at once,
    without waiting, whoever has read in it and would write after somebody else did.
    """
    if skips_locked():
        return transaction.atomic(using=database(), savepoint=False)
    return nullcontext()
