"""What a worker has before it: cheaper than `status`, for somebody who looks on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import Error
from django.db.models import Count, Max, Min, Q

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import MailerState, OutboxMessage, database
from django_mailplus.outbox.states import State

__all__ = ["Waiting", "Watch"]

_SHARE = 20  # of the time: one part of it at most goes into looking


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """`oldest` is for how many seconds a mail has been due; `paused` has the reasons."""

    due: int = 0
    oldest: float = 0.0
    paused: Mapping[str, str] = field(default_factory=dict)


class Watch:
    """Looks every so many seconds, and less often where it takes the database long."""

    def __init__(self, aliases: Sequence[str], *, every: float) -> None:
        self._aliases = aliases
        self._every = every
        self._next = 0.0
        self.latest: Waiting | None = None

    def look(self, *, now: bool = False) -> Waiting | None:
        """What was seen last; None if nothing ever. Raises nothing."""
        started = time.monotonic()
        if now or started >= self._next:
            with contextlib.suppress(Error):  # the worker says so
                self.latest = self._read()
            ended = time.monotonic()
            self._next = ended + max(self._every, _SHARE * (ended - started))
        return self.latest

    def _read(self) -> Waiting:
        due = OutboxMessage.objects.using(database()).filter(
            state=State.QUEUED, mailer__in=self._aliases, due_at__lte=DatabaseNow()
        )
        found = due.aggregate(
            count=Count("pk"), first=Min("due_at"), now=Max(DatabaseNow())
        )
        resting = Q(paused_by_hand=True) | Q(paused_until__gt=DatabaseNow())
        paused = MailerState.objects.using(database()).filter(
            resting, alias__in=self._aliases
        )
        return Waiting(
            due=found["count"],
            oldest=(found["now"] - found["first"]).total_seconds()
            if found["count"]
            else 0.0,
            paused=dict(paused.order_by("alias").values_list("alias", "reason")),
        )
