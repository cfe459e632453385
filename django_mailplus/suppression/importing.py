"""Many entries at once, from a file: what is there already is left as it is, but for one
that ends sooner.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from django_mailplus.columns import storable
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again
from django_mailplus.suppression.listing import Entry
from django_mailplus.suppression.models import Suppression, database, entries
from django_mailplus.suppression.writing import stream_for, tell_added

__all__ = ["AT_ONCE", "Counts", "take_over"]

AT_ONCE = 500  # entries of one transaction


class Counts(NamedTuple):
    """How many entries are new, and how many that were there last longer now."""

    new: int
    longer: int


@tried_again(database)
def take_over(given: Sequence[Entry], *, dry_run: bool = False) -> Counts:
    """Some entries, at most AT_ONCE; can be run again. Of two for the same, the one that
    lasts longer counts.
    """
    rows: dict[tuple[str, str, str], Suppression] = {}
    for row in map(_row, given):
        twin = rows.setdefault(_place(row), row)
        if _outlasts(row.expires_at, twin.expires_at):
            rows[_place(row)] = row
    known = entries().filter(key__in={key for key, _, _ in rows})
    expired = Q(expires_at__lte=timezone.now())
    there = {_place(row): row for row in known.exclude(expired)}
    new = [row for place, row in rows.items() if place not in there]
    longer = [
        (there[place].pk, row.expires_at)
        for place, row in rows.items()
        if place in there and _outlasts(row.expires_at, there[place].expires_at)
    ]
    if (new or longer) and not dry_run:
        with transaction.atomic(using=database()):
            _lengthen(longer)
            known.filter(expired).delete()  # they would be in the way
            # Of two imports at a time each entry is written by one.
            entries().bulk_create(new, ignore_conflicts=True)
            tell_added(new)
    return Counts(len(new), len(longer))


def _lengthen(longer: Iterable[tuple[int, datetime.datetime | None]]) -> None:
    """One statement for each end; most last for ever."""
    by_end: dict[datetime.datetime | None, list[int]] = {}
    for pk, end in longer:
        by_end.setdefault(end, []).append(pk)
    for end, pks in by_end.items():
        short = entries().filter(pk__in=pks)
        if end is not None:  # what lasts for ever meanwhile stays so
            short = short.filter(expires_at__lt=end)
        short.update(expires_at=end)


def _outlasts(one: datetime.datetime | None, other: datetime.datetime | None) -> bool:
    return other is not None and (one is None or one > other)


def _row(entry: Entry) -> Suppression:
    return Suppression(
        key=lookalike_key(entry.address),
        address=storable(entry.address, 320),
        reason=entry.reason,
        stream=stream_for(entry.reason, entry.stream),
        source=storable(entry.source, 100),
        detail=storable(entry.detail, 500),
        expires_at=entry.expires_at,
        created_at=entry.created_at or timezone.now(),
    )


def _place(row: Suppression) -> tuple[str, str, str]:
    return row.key, str(row.reason), row.stream
