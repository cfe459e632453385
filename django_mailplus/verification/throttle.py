"""How often one address may be mailed, decided by one conditional UPDATE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import router
from django.db.models import Case, F, Q, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from django_mailplus import conf
from django_mailplus.verification.mailbox import lookalike_key
from django_mailplus.verification.models import SendingAllowance

__all__ = [
    "Limit",
    "claim",
    "claim_address",
    "claim_change",
    "claim_visitor",
    "prune",
]

_DAY = timedelta(days=1)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    cooldown: timedelta
    per_day: int


def claim(key: str, limit: Limit) -> timedelta | None:
    """Take one sending; None if it was there to take, else how long to wait at most.

    The UPDATE counts and decides in one statement, so that requests at the same moment
    cannot both get the last one.
    """
    now = timezone.now()
    rows = SendingAllowance.objects.using(router.db_for_write(SendingAllowance))
    unused = SendingAllowance(key=key, last_sent_at=_LONG_AGO, window_started_at=now)
    rows.bulk_create([unused], ignore_conflicts=True)
    # Without a cooldown clocks do not matter: requests at once come in any order.
    rested = Q(last_sent_at__lte=now - limit.cooldown) if limit.cooldown else Q()
    new_day = Q(window_started_at__lte=now - _DAY)
    row = rows.filter(key=key)
    taken = row.filter(rested & (new_day | Q(sent_count__lt=limit.per_day))).update(
        # The count first: MySQL assigns in order, and it reads when the day began.
        sent_count=Case(When(new_day, then=Value(1)), default=F("sent_count") + 1),
        window_started_at=Case(
            When(new_day, then=Value(now)), default=F("window_started_at")
        ),
        last_sent_at=now,
    )
    return None if taken else _wait(row.first(), limit, now)


def claim_address(address: str) -> timedelta | None:
    """One of the mails that may go to an address."""
    cooldown = timedelta(seconds=conf.setting("VERIFICATION_RESEND_COOLDOWN"))
    return claim(lookalike_key(address), Limit(cooldown=cooldown, per_day=_per_day()))


def claim_change(user: Any) -> timedelta | None:
    """One of the changes of address that a user may ask for, each to another stranger."""
    return claim(
        lookalike_key(f"change by {user.pk}"),
        Limit(cooldown=timedelta(0), per_day=_per_day()),
    )


def claim_visitor(request: HttpRequest | None) -> timedelta | None:
    """One of the mails that a visitor may ask for, where the project says who is who.

    Never by X-Forwarded-For on our own account: anybody can write that header.
    """
    path = conf.setting("VERIFICATION_CLIENT_IP")
    if not path or request is None:
        return None
    per_day = conf.setting("VERIFICATION_MAX_SENDS_PER_CLIENT")
    return claim(
        lookalike_key(f"visitor {import_string(path)(request)}"),
        Limit(cooldown=timedelta(0), per_day=per_day),
    )


def _per_day() -> int:
    return int(conf.setting("VERIFICATION_MAX_SENDS_PER_DAY"))


def _wait(row: SendingAllowance | None, limit: Limit, now: datetime) -> timedelta:
    if row is None:
        return limit.cooldown
    until = row.last_sent_at + limit.cooldown
    if row.sent_count >= limit.per_day:
        until = max(until, row.window_started_at + _DAY)
    return max(until - now, timedelta(0))


def prune() -> int:
    """Forget the allowances that no longer limit anything; returns how many."""
    over = SendingAllowance.objects.filter(window_started_at__lte=timezone.now() - _DAY)
    return over.filter(last_sent_at__lte=timezone.now() - _DAY).delete()[0]
