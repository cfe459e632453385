"""Whether a mailer rests: after trouble, until it may send more, or until a human ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from django_mailplus.outbox.backoff import pause_after
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import MailerState, database

__all__ = [
    "Condition",
    "end",
    "look",
    "note_success",
    "pause",
    "pause_by_hand",
    "rest",
]

_LONGEST_REASON = MailerState._meta.get_field("reason").max_length


def _states() -> QuerySet[MailerState]:
    return MailerState.objects.using(database())


class Condition(NamedTuple):
    paused: bool = False
    troubled: bool = False  # by failures, and no success since


def look(alias: str) -> Condition:
    """How a mailer is."""
    rests = Q(paused_by_hand=True) | Q(paused_until__gt=DatabaseNow())
    failed = Q(failures__gt=0)
    found = (
        _states()
        .filter(alias=alias)
        .annotate(
            rests=ExpressionWrapper(rests, BooleanField()),
            failed=ExpressionWrapper(failed, BooleanField()),
        )
    )
    row = found.values_list("rests", "failed").first()
    return Condition(*map(bool, row)) if row else Condition()


def pause(alias: str, reason: str) -> None:
    """After trouble. Several workers in trouble at once lengthen the pause once."""
    state, _ = _states().get_or_create(alias=alias)
    over = Q(paused_until=None) | Q(paused_until__lte=DatabaseNow())
    _states().filter(over, alias=alias, paused_by_hand=False).update(
        failures=F("failures") + 1,
        paused_until=DatabaseNow() + pause_after(state.failures + 1),
        reason=reason[:_LONGEST_REASON],
    )


def rest(alias: str, seconds: float, reason: str) -> None:
    """Without trouble: nothing is the matter but that it sent all that it may."""
    _states().get_or_create(alias=alias)
    over = Q(paused_until=None) | Q(paused_until__lte=DatabaseNow())
    _states().filter(over, alias=alias, paused_by_hand=False).update(
        paused_until=DatabaseNow() + timedelta(seconds=seconds),
        reason=reason[:_LONGEST_REASON],
    )


def note_success(alias: str) -> None:
    """What a human said stays."""
    _states().filter(alias=alias, failures__gt=0, paused_by_hand=False).update(
        failures=0, paused_until=None, reason=""
    )


def pause_by_hand(alias: str, reason: str) -> None:
    _states().update_or_create(
        alias=alias, defaults={"paused_by_hand": True, "reason": reason}
    )


def end(alias: str) -> bool:
    """End a pause, whoever made it; whether there was one. See `transitions.resume`."""
    paused = (
        _states().filter(alias=alias).exclude(paused_until=None, paused_by_hand=False)
    )
    ended = paused.update(
        paused_by_hand=False, paused_until=None, failures=0, reason=""
    )
    return bool(ended)
