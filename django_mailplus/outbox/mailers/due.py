"""When there is something to do for a mailer: so that whoever waits can sleep until then."""

from __future__ import annotations

import datetime
import math

from django.db.models import F, Q

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.mailers.configured import sending_mailers
from django_mailplus.outbox.mailers.rates import DatabaseLimiter
from django_mailplus.outbox.models import MailerState, OutboxMessage, database
from django_mailplus.outbox.states import Priority, State

__all__ = ["seconds_until_due"]


def seconds_until_due(alias: str) -> float | None:
    """0 for a mail that could be sent now, None where none waits, by the database's clock.

    What another worker has claimed is due when its lease ends. What waits for a human,
    who resumes the mailer, is due in `math.inf` seconds.
    """
    waits = [*_queued(alias), *_leased(alias)]
    if not waits:
        return None
    return max(0.0, min(waits), _pause(alias), _rate(alias))


def _queued(alias: str) -> list[float]:
    """For the first of each priority, which is what the index finds at once."""
    queued = _mails(alias, State.QUEUED).annotate(now=DatabaseNow())
    return [
        _seconds(due, now)
        for priority in Priority.values
        for due, now in queued.filter(priority=priority)
        .order_by("due_at", "id")
        .values_list("due_at", "now")[:1]
    ]


def _leased(alias: str) -> list[float]:
    first = (
        _mails(alias, State.SENDING)
        .exclude(lease_until=None)
        .order_by("lease_until")
        .annotate(now=DatabaseNow())
        .values_list("lease_until", "now")[:1]
    )
    return [_seconds(until, now) for until, now in first]


def _mails(alias: str, state: State):  # type: ignore[no-untyped-def]
    return OutboxMessage.objects.using(database()).filter(mailer=alias, state=state)


def _pause(alias: str) -> float:
    paused = Q(paused_by_hand=True) | Q(paused_until__gt=F("now"))
    states = MailerState.objects.using(database()).annotate(now=DatabaseNow())
    found = states.filter(paused, alias=alias).values_list(
        "paused_by_hand", "paused_until", "now"
    )
    for by_hand, until, now in found:
        return math.inf if by_hand else _seconds(until, now)
    return 0.0


def _rate(alias: str) -> float:
    sending = sending_mailers().get(alias)
    if sending is None or sending.rate is None:
        return 0.0
    return DatabaseLimiter({alias: sending.rate}).seconds_until_room()


def _seconds(until: datetime.datetime | None, now: datetime.datetime) -> float:
    return 0.0 if until is None else (until - now).total_seconds()
