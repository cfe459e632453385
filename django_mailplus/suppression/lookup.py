"""Who of many must not be mailed: one query for a thousand addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connections
from django.db.models import Q, QuerySet
from django.utils import timezone

from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.suppression.bulk import is_bulk
from django_mailplus.suppression.models import Suppression, entries
from django_mailplus.suppression.reasons import Reason

__all__ = ["Found", "find", "in_force", "is_suppressed"]

_AT_ONCE = 1_000  # addresses of one query
_OTHERS = 5  # values in the query besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The entry that stops mail to an address; where several do, the oldest."""

    pk: int
    reason: Reason


def is_suppressed(address: str, *, stream: str = "") -> bool:
    """Whether mail of the stream must not go to this bare address."""
    return bool(find([address], stream=stream))


def find(addresses: Iterable[str], *, stream: str = "") -> dict[str, Found]:
    """By the bare addresses as they are given, those that must not get mail of a stream."""
    keys = {address: lookalike_key(address) for address in addresses}
    found = dict(_by_key(sorted(set(keys.values())), stream))
    if not found:
        return {}
    return {address: found[key] for address, key in keys.items() if key in found}


def in_force(stream: str) -> QuerySet[Suppression]:
    """The entries that stop mail of a stream now."""
    now = timezone.now()
    valid = entries().filter(
        Q(expires_at=None) | Q(expires_at__gt=now), stream__in={"", stream}
    )
    return valid if is_bulk(stream) else valid.exclude(reason=Reason.UNSUBSCRIBE)


def _by_key(keys: list[str], stream: str) -> Iterator[tuple[str, Found]]:
    rows = in_force(stream).order_by("-pk").values_list("key", "pk", "reason")
    most = connections[rows.db].features.max_query_params
    step = min(_AT_ONCE, most - _OTHERS) if most else _AT_ONCE
    for start in range(0, len(keys), step):
        for key, pk, reason in rows.filter(key__in=keys[start : start + step]):
            yield key, Found(pk=pk, reason=Reason(reason))
