"""Whether mail leaves as it should: for a monitor that asks often, so it reads little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Min, Q, QuerySet

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import MailerState, OutboxMessage, database
from django_mailplus.outbox.states import State

__all__ = ["Health", "health"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`reasons` say why it is not `ok`, in English and without an address.

    `oldest` are seconds for which a mail has been due, or its worker been gone. `unknown`
    and `failed` wait for a human.
    """

    ok: bool
    reasons: tuple[str, ...]
    due: int
    oldest: float
    paused: tuple[str, ...]
    unknown: int
    failed: int


def health(
    *,
    max_age: float = 300.0,
    max_unknown: int | None = 0,
    max_failed: int | None = None,
) -> Health:
    """How the outbox is, in four queries that read no mail that was sent.

    It is ill when a mail has been due for more than `max_age` seconds, a mailer is paused,
    or more mails than these are unknown or failed; None is no limit. Failed ones have
    none by default: they stay for months, and a wrong address is no trouble of the outbox.
    """
    due, waiting = _waiting()
    oldest = max(waiting, _forsaken())
    paused = tuple(_paused())
    unknown, failed = (_count(state) for state in (State.UNKNOWN, State.FAILED))
    reasons = []
    if oldest > max_age:
        reasons.append(
            f"A mail has been due for {oldest:.0f} s, more than {max_age:.0f}: "
            "no worker runs, or none keeps up."
        )
    reasons += [f"The mailer {alias!r} is paused." for alias in paused]
    if max_unknown is not None and unknown > max_unknown:
        reasons.append(f"Of {unknown} mails nobody knows whether they were sent.")
    if max_failed is not None and failed > max_failed:
        reasons.append(f"{failed} mails failed, more than {max_failed}.")
    return Health(
        ok=not reasons,
        reasons=tuple(reasons),
        due=due,
        oldest=oldest,
        paused=paused,
        unknown=unknown,
        failed=failed,
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


def _paused() -> Iterator[str]:
    paused = Q(paused_by_hand=True) | Q(paused_until__gt=DatabaseNow())
    states = MailerState.objects.using(database()).filter(paused)
    yield from states.order_by("alias").values_list("alias", flat=True)


def _count(state: State) -> int:
    return _mails(state).count()
