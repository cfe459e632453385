"""How often one address may be mailed, decided by one conditional UPDATE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from django_mailplus import conf
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again
from django_mailplus.verification.models import SendingAllowance

__all__ = [
    "Limit",
    "claim",
    "claim_address",
    "claim_change",
    "claim_visitor",
    "prune",
    "wait_for",
]

_DAY = timedelta(days=1)


def _database() -> str:
    return router.db_for_write(SendingAllowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    cooldown: timedelta
    per_day: int


@tried_again(_database)
def claim(key: str, limit: Limit) -> timedelta | None:
    """Take one sending; None if it was there to take, else how long to wait at most.

    The UPDATE counts and decides in one statement, so that requests at the same moment
    cannot both get the last one; so does the INSERT of the first. Two queries.
    """
    now = timezone.now()
    rows = _rows()
    row = rows.filter(key=key).first()
    if row is None:
        first = SendingAllowance(
            key=key, last_sent_at=now, window_started_at=now, sent_count=1
        )
        try:
            with transaction.atomic(using=rows.db):
                first.save(using=rows.db, force_insert=True)
        except IntegrityError:  # another request's, this very moment
            if limit.cooldown:
                # No UPDATE: MariaDB left each loser a shared lock, and two of them that
                # want to write would be a deadlock.
                return limit.cooldown
            row = first
        else:
            return None
    # Without a cooldown clocks do not matter: requests at once come in any order.
    rested = Q(last_sent_at__lte=now - limit.cooldown) if limit.cooldown else Q()
    new_day = Q(window_started_at__lte=now - _DAY)
    left = rested & (new_day | Q(sent_count__lt=limit.per_day))
    taken = rows.filter(left, key=key).update(
        # The count first: MySQL assigns in order, and it reads when the day began.
        sent_count=Case(When(new_day, then=Value(1)), default=F("sent_count") + 1),
        window_started_at=Case(
            When(new_day, then=Value(now)), default=F("window_started_at")
        ),
        last_sent_at=now,
    )
    return None if taken else _wait(row, limit, now)


def _rows() -> QuerySet[SendingAllowance]:
    return SendingAllowance.objects.using(_database())


def claim_address(address: str) -> timedelta | None:
    """One of the mails that may go to an address."""
    return claim(lookalike_key(address), _of_address())


def wait_for(address: str) -> timedelta | None:
    """How long until another mail may go there; None if none went there for a day."""
    row, now = _rows().filter(key=lookalike_key(address)).first(), timezone.now()
    if row is None or row.last_sent_at <= now - _DAY:
        return None
    return _wait(row, _of_address(), now)


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


def _of_address() -> Limit:
    cooldown = timedelta(seconds=conf.setting("VERIFICATION_RESEND_COOLDOWN"))
    return Limit(cooldown=cooldown, per_day=_per_day())


def _per_day() -> int:
    return int(conf.setting("VERIFICATION_MAX_SENDS_PER_DAY"))


def _wait(row: SendingAllowance, limit: Limit, now: datetime) -> timedelta:
    until = row.last_sent_at + limit.cooldown
    if row.sent_count >= limit.per_day and row.window_started_at > now - _DAY:
        until = max(until, row.window_started_at + _DAY)
    return max(until - now, timedelta(0))


def prune(*, dry_run: bool = False) -> int:
    """Forget the allowances that no longer limit anything; returns how many."""
    over = SendingAllowance.objects.filter(window_started_at__lte=timezone.now() - _DAY)
    over = over.filter(last_sent_at__lte=timezone.now() - _DAY)
    return over.count() if dry_run else over.delete()[0]
