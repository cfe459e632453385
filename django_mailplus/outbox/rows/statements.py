"""The statements that every mail costs, written out.

Django builds each of its own anew, which takes longer than the database does. Columns,
quoting and values are Django's still; see `docs/explanation/outbox.md` for the figures.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connections
from django.db.models import Field, Model
from django.db.models.sql import Query

from django_mailplus.outbox.clock import DatabaseNow, seconds_ahead
from django_mailplus.outbox.models import (
    OutboxMessage,
    Payload,
    Recipient,
    database,
)

__all__ = [
    "AS_THEY_ARE",
    "Sql",
    "claim",
    "claimed",
    "due",
    "field",
    "literal",
    "now",
    "placed",
    "sent",
    "what_to_know",
]


def what_to_know() -> str:
    """The columns of a mail that is claimed; times as the database has them.

    `m` is its row, `p` its payload. Whether it has fates is asked so that no database
    reads those of all mails to find out.
    """
    fates = _table(Recipient)
    return (
        "m.claim_token, m.attempts, m.hold_unknown, m.sensitive, p.document, "  # noqa: S608
        f"(SELECT 1 FROM {fates} f WHERE f.mail_id = m.id LIMIT 1), "
        f"m.expires_at, m.due_at, m.give_up_at, {now().text}"
    )


def _table(model: type[Model]) -> str:
    return connections[database()].ops.quote_name(model._meta.db_table)


class Sql(NamedTuple):
    """A piece of SQL in the place of a value."""

    text: str
    params: tuple[Any, ...]


def literal(value: str | int) -> Sql:
    """A plain word or a number of our own, which need not be passed as a parameter."""
    return Sql(f"'{value}'" if type(value) is str else str(value), ())


def now(later: float = 0.0) -> Sql:
    """The database's time, or so many seconds later."""
    return _now(later, database(), settings.USE_TZ, seconds_ahead())


@functools.lru_cache(maxsize=256)
def _now(later: float, alias: str, *what_the_words_depend_on: object) -> Sql:
    moment = DatabaseNow() + timedelta(seconds=later) if later else DatabaseNow()
    query = Query(OutboxMessage)
    compiler = query.get_compiler(using=alias)
    text, params = compiler.compile(moment.resolve_expression(query))
    return Sql(text, tuple(params))


@functools.cache
def field(model: type[Model], name: str) -> Field[Any, Any]:
    return model._meta.get_field(name)  # type: ignore[return-value]


def placed(model: type[Model], name: str, value: Any, connection: Any) -> Sql:
    """A value of a field, as the database has it, and its place in a statement."""
    if type(value) in AS_THEY_ARE:
        return Sql("%s", (value,))
    if type(value) is Sql:
        return value
    if value is None:
        return _NULL
    return Sql("%s", (field(model, name).get_db_prep_save(value, connection),))


AS_THEY_ARE = frozenset({str, int, float, bool})
_NULL = Sql("NULL", ())


# Without the words of earlier trouble.
_SENT: dict[str, Any] = {
    "state": literal("sent"),
    "lease_until": None,
    "code": None,
    "enhanced": literal(""),
    "text": literal(""),
}


def sent(claims: Iterable[tuple[uuid.UUID, str]]) -> int:
    """Note that mails were sent that stand under their claims' tokens still; how many.

    A mail and the token of another one of these are no danger: both were sent.
    """
    pk = field(OutboxMessage, "id")
    connection = connections[database()]
    ids, tokens = zip(*claims, strict=True)
    keys = [pk.get_db_prep_value(i, connection) for i in ids]
    tokens = tuple(dict.fromkeys(tokens))
    return _update(
        _SENT | {"finalised_at": now()},
        # Naming the state as well would tempt a database to look for the mails by it.
        f"id IN ({_marks(keys)}) AND claim_token IN ({_marks(tokens)}) "
        "AND lease_until IS NOT NULL",
        [*keys, *tokens],
    )


def _update(values: Mapping[str, Any], where: str, params: Sequence[Any]) -> int:
    connection = connections[database()]
    quote = connection.ops.quote_name
    changes: list[str] = []
    given: list[Any] = []
    for name, value in values.items():
        text, said = placed(OutboxMessage, name, value, connection)
        column = quote(str(field(OutboxMessage, name).column))
        changes.append(f"{column} = {text}")
        given += said
    table = quote(OutboxMessage._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {', '.join(changes)} WHERE {where}",  # noqa: S608
            [*given, *params],
        )
        return int(cursor.rowcount)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def due(mailer: str, priority: int, limit: int) -> list[Any]:
    """The keys, as the database has them, of mails to be claimed, in their order.

    Those that somebody else is claiming are passed over where the database can.
    """
    connection = connections[database()]
    table = connection.ops.quote_name(OutboxMessage._meta.db_table)
    skip = connection.features.has_select_for_update_skip_locked
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE state = 'queued' AND mailer = %s "  # noqa: S608
            f"AND priority = %s AND due_at <= {now().text} "
            f"ORDER BY due_at, id LIMIT {limit:d}"
            f"{' FOR UPDATE SKIP LOCKED' if skip else ''}",
            [mailer, priority],
        )
        return [key for (key,) in cursor.fetchall()]


def claim(keys: Sequence[Any], token: str, worker: str, lease: float) -> int:
    """Take those that are queued still; how many."""
    taken = {
        "state": "sending",
        "claim_token": token,
        "claimed_by": worker,
        "lease_until": now(lease),
        "handover_started_at": now(),
        "attempts": Sql("attempts + 1", ()),
    }
    where = f"id IN ({_marks(keys)}) AND state = 'queued'"
    return _update(taken, where, keys)


def claimed(
    keys: Sequence[Any] | None, tokens: Sequence[str]
) -> dict[Any, tuple[Any, ...]]:
    """What there is to know of mails under these tokens, by their keys.

    See `what_to_know`. Without `keys` all that are being sent are looked through, which
    are few.
    """
    among = f"m.id IN ({_marks(keys)})" if keys else "m.state = 'sending'"
    with connections[database()].cursor() as cursor:
        cursor.execute(
            f"SELECT m.id, {what_to_know()} FROM {_table(OutboxMessage)} m "  # noqa: S608
            f"LEFT JOIN {_table(Payload)} p ON p.mail_id = m.id "
            f"WHERE {among} AND m.claim_token IN ({_marks(tokens)})",
            [*(keys or ()), *tokens],
        )
        return {key: tuple(values) for key, *values in cursor.fetchall()}
