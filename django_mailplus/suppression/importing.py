"""Many entries at once, from a file: what is there already is left as it is."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import router, transaction
from django.db.models import Q
from django.utils import timezone

from django_mailplus.columns import storable
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.suppression.listing import Entry
from django_mailplus.suppression.models import Suppression, entries
from django_mailplus.suppression.racing import tried_again
from django_mailplus.suppression.writing import stream_for, tell_added

__all__ = ["AT_ONCE", "take_over"]

AT_ONCE = 500  # entries of one transaction


@tried_again
def take_over(given: Sequence[Entry], *, dry_run: bool = False) -> int:
    """How many of some entries, at most AT_ONCE, were new; can be run again."""
    rows = {_place(row): row for row in map(_row, given)}
    known = entries().filter(key__in={key for key, _, _ in rows})
    expired = Q(expires_at__lte=timezone.now())
    there = set(known.exclude(expired).values_list("key", "reason", "stream"))
    new = [row for place, row in rows.items() if place not in there]
    if new and not dry_run:
        with transaction.atomic(using=router.db_for_write(Suppression)):
            known.filter(expired).delete()  # they would be in the way
            # Of two imports at a time each entry is written by one.
            entries().bulk_create(new, ignore_conflicts=True)
            tell_added(new)
    return len(new)


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
