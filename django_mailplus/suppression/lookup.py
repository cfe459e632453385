"""Who of many must not be mailed: one query for a thousand addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from django_mailplus.message.envelope import bare_address
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.suppression.bulk import is_bulk
from django_mailplus.suppression.models import Suppression, entries
from django_mailplus.suppression.reasons import Reason

__all__ = ["Found", "find", "is_suppressed"]

_AT_ONCE = 1_000  # addresses of one query
_OTHERS = 5  # values in the query besides
_COLUMNS = ("key", "id", "reason", "stream", "expires_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The entry that stops mail to an address; where several do, the oldest."""

    pk: int
    reason: Reason


def is_suppressed(address: str, *, stream: str = "") -> bool:
    """Whether mail of the stream must not go to this address."""
    return bool(find([bare_address(address)], stream=stream))


def find(addresses: Iterable[str], *, stream: str = "") -> dict[str, Found]:
    """By the bare addresses as they are given, those that must not get mail of a stream."""
    keys = {address: lookalike_key(address) for address in addresses}
    with _kept_whole(connections[entries().db]):
        found = dict(_by_key(list(set(keys.values())), stream))
    if not found:
        return {}
    return {address: found[key] for address, key in keys.items() if key in found}


def _kept_whole(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """A transaction of the caller's, which on PostgreSQL ends with a query that fails."""
    if connection.in_atomic_block and connection.features.atomic_transactions:
        return transaction.atomic(using=connection.alias)
    return nullcontext()


def _by_key(keys: list[str], stream: str) -> Iterator[tuple[str, Found]]:
    connection = connections[entries().db]
    most = connection.features.max_query_params
    step = min(_AT_ONCE, most - _OTHERS) if most else _AT_ONCE
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    overlooked = "" if is_bulk(stream) else Reason.UNSUBSCRIBE.value
    others = ["", stream, now, overlooked]
    with connection.cursor() as cursor:
        for start in range(0, len(keys), step):
            some = keys[start : start + step]
            cursor.execute(_statement(connection, len(some)), [*some, *others])
            for key, pk, reason in cursor:
                yield key, Found(pk=pk, reason=Reason(reason))


def _statement(connection: BaseDatabaseWrapper, count: int) -> str:
    """By hand: there is one for each mail, and Django takes longer to write it than
    databases take to answer it.
    """
    quote = connection.ops.quote_name
    meta = Suppression._meta
    columns = {field.name: quote(str(field.column)) for field in meta.concrete_fields}
    key, pk, reason, stream, expires_at = map(columns.__getitem__, _COLUMNS)
    return (
        f"SELECT {key}, {pk}, {reason} FROM {quote(meta.db_table)}"  # noqa: S608 (our names)
        f" WHERE {key} IN ({', '.join(['%s'] * count)})"
        f" AND {stream} IN (%s, %s)"
        f" AND ({expires_at} IS NULL OR {expires_at} > %s)"
        f" AND {reason} <> %s ORDER BY {pk} DESC"
    )
