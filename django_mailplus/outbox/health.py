"""Whether mail leaves as it should: for a monitor that asks often, so it reads little."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import Count, Min, Q, QuerySet

from django_mailplus.outbox.backoff import longest_pause
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.mailers import stranding
from django_mailplus.outbox.models import MailerState, OutboxMessage, database
from django_mailplus.outbox.states import State

__all__ = ["Health", "Pause", "health"]

_SHORT_PAUSE = datetime.timedelta(minutes=1)
_ADDRESS = re.compile(r"[^\s'\"<>]+@[^\s'\"<>]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """`until` is None for one that somebody made `by_hand`; the reason has no address."""

    mailer: str
    reason: str
    until: datetime.datetime | None
    by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`reasons` say why it is not `ok`, in English and without an address.

    `oldest` are seconds for which a mail has been due, or its worker been gone. `unknown`
    and `failed` wait for a human. `stranded` counts the mails of each mailer through
    which no outbox sends.
    """

    ok: bool
    reasons: tuple[str, ...]
    due: int
    oldest: float
    paused: tuple[Pause, ...]
    unknown: int
    failed: int
    stranded: Mapping[str, int] = field(default_factory=dict)


def health(
    *,
    max_age: float = 300.0,
    max_unknown: int | None = 0,
    max_failed: int | None = None,
) -> Health:
    """How the outbox is, in a few queries that read no mail that was sent.

    It is ill when a mail has been due for more than `max_age` seconds, mails wait for a
    mailer through which no outbox sends, a mailer is paused by hand, or after trouble for
    a minute or more (for less only if mails are that late), or more mails than these are unknown or failed; None is no limit. Failed ones have
    none by default: they stay for months, and a wrong address is no trouble of the outbox.
    """
    due, waiting = _waiting()
    oldest = max(waiting, _forsaken())
    late = oldest > max_age
    resting = list(_resting())
    stranded = stranding.find()
    unknown, failed = (_count(state) for state in (State.UNKNOWN, State.FAILED))
    reasons = []
    if late:
        reasons.append(
            f"A mail has been due for {oldest:.0f} s, more than {max_age:.0f}: "
            "no worker runs, or none keeps up."
        )
    reasons += [stranding.explain(*each) for each in stranded.items()]
    reasons += [_told(state) for state in resting if late or not _is_short(state)]
    if max_unknown is not None and unknown > max_unknown:
        reasons.append(f"Of {unknown} mails nobody knows whether they were sent.")
    if max_failed is not None and failed > max_failed:
        reasons.append(f"{failed} mails failed, more than {max_failed}.")
    return Health(
        ok=not reasons,
        reasons=tuple(reasons),
        due=due,
        oldest=oldest,
        paused=tuple(_pause(state) for state in resting),
        unknown=unknown,
        failed=failed,
        stranded=stranded,
    )


def _mails(state: State) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.using(database()).order_by().filter(state=state)


def _waiting() -> tuple[int, float]:
    """How many are due, and for how many seconds the first of them has been."""
    due = _mails(State.QUEUED).filter(due_at__lte=DatabaseNow())
    found = (
        due.values("state")  # no row for no mail
        .annotate(count=Count("pk"), first=Min("due_at"), now=DatabaseNow())
        .values_list("count", "first", "now")
    )
    for count, first, now in found:
        return count, (now - first).total_seconds()
    return 0, 0.0


def _forsaken() -> float:
    """For how many seconds the lease of a mail has been over, which nobody claimed anew."""
    found = (
        _mails(State.SENDING)
        .filter(lease_until__lt=DatabaseNow())
        .values("state")
        .annotate(first=Min("lease_until"), now=DatabaseNow())
        .values_list("first", "now")
    )
    return next(((now - first).total_seconds() for first, now in found), 0.0)


def _resting() -> QuerySet[MailerState]:
    paused = Q(paused_by_hand=True) | Q(paused_until__gt=DatabaseNow())
    return MailerState.objects.using(database()).filter(paused).order_by("alias")


def _is_short(state: MailerState) -> bool:
    """As any mailer rests now and then: nobody need be woken."""
    return not state.paused_by_hand and longest_pause(state.failures) < _SHORT_PAUSE


def _pause(state: MailerState) -> Pause:
    return Pause(
        mailer=state.alias,
        reason=_ADDRESS.sub("(address)", state.reason),
        until=None if state.paused_by_hand else state.paused_until,
        by_hand=state.paused_by_hand,
    )


def _told(state: MailerState) -> str:
    pause = _pause(state)
    by_hand = " by hand" if pause.by_hand else " after trouble"
    why = f": {pause.reason.removesuffix('.')}" if pause.reason else ""
    return f"The mailer {pause.mailer!r} is paused{by_hand}{why}."


def _count(state: State) -> int:
    return _mails(state).count()
