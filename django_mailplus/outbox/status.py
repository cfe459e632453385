"""How the outbox is doing: counts, ages and pauses, for whoever shows them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncMinute
from django.utils import timezone

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.mailers.configured import dispatches
from django_mailplus.outbox.models import MailerState, OutboxMessage, database
from django_mailplus.outbox.states import LIVE, State

__all__ = ["MailerStatus", "QueueStatus", "read_status", "sent_per_minute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailerStatus:
    """The mails of one mailer. `oldest` is for how many seconds one has been due.

    `stranded` are unfinished mails that nothing will send: see `stranding`.
    """

    alias: str
    counts: Mapping[State, int]
    due: int = 0
    oldest: float = 0.0
    stranded: int = 0
    paused: bool = False
    paused_until: datetime.datetime | None = None
    paused_by_hand: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    mailers: tuple[MailerStatus, ...]

    @property
    def counts(self) -> Mapping[State, int]:
        """Of all mailers together, every state included."""
        return {
            state: sum(mailer.counts.get(state, 0) for mailer in self.mailers)
            for state in State
        }

    @property
    def due(self) -> int:
        return sum(mailer.due for mailer in self.mailers)

    @property
    def oldest(self) -> float:
        return max((mailer.oldest for mailer in self.mailers), default=0.0)


def read_status() -> QueueStatus:
    """The present state, in three queries, whatever the number of mails."""
    mails = OutboxMessage.objects.using(database()).order_by()
    counts: dict[str, dict[State, int]] = {}
    for alias, state, count in mails.values_list("mailer", "state").annotate(
        Count("pk")
    ):
        counts.setdefault(alias, {})[State(state)] = count
    due = mails.filter(state=State.QUEUED, due_at__lte=DatabaseNow())
    waiting = {
        alias: (count, (now - first).total_seconds())
        for alias, count, first, now in due.values("mailer")
        .annotate(count=Count("pk"), first=Min("due_at"), now=DatabaseNow())
        .values_list("mailer", "count", "first", "now")
    }
    paused = Q(paused_by_hand=True) | Q(paused_until__gt=DatabaseNow())
    resting = {
        state.alias: state
        for state in MailerState.objects.using(database()).filter(paused)
    }
    known = dispatches()
    return QueueStatus(
        mailers=tuple(
            _mailer(
                alias,
                counts.get(alias, {}),
                waiting.get(alias),
                resting.get(alias),
                known,
            )
            for alias in sorted(counts.keys() | resting.keys())
        )
    )


def _mailer(
    alias: str,
    counts: Mapping[State, int],
    waiting: tuple[int, float] | None,
    resting: MailerState | None,
    known: Collection[str],
) -> MailerStatus:
    due, oldest = waiting or (0, 0.0)
    status = MailerStatus(
        alias=alias,
        counts=counts,
        due=due,
        oldest=oldest,
        stranded=0 if alias in known else sum(counts.get(state, 0) for state in LIVE),
    )
    if resting is None:
        return status
    return replace(
        status,
        paused=True,
        paused_until=resting.paused_until,
        paused_by_hand=resting.paused_by_hand,
        reason=resting.reason,
    )


def sent_per_minute(minutes: int = 60) -> list[int]:
    """How many mails were sent in each of the last minutes, the present one last."""
    utc = datetime.UTC if timezone.is_aware(timezone.now()) else None
    since = DatabaseNow() - datetime.timedelta(minutes=minutes)
    found = (
        OutboxMessage.objects.using(database())
        .order_by()
        .filter(state__in=[State.SENT, State.PARTIAL], finalised_at__gte=since)
        .annotate(minute=TruncMinute("finalised_at", tzinfo=utc))
        .values("minute")
        .annotate(count=Count("pk"), now=DatabaseNow())
        .values_list("minute", "count", "now")
    )
    sent = [0] * minutes
    for minute, count, now in found:
        ago = int((now - minute).total_seconds() // 60)
        if 0 <= ago < minutes:
            sent[-1 - ago] += count
    return sent
