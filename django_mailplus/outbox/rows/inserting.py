"""Rows into the tables of the outbox, as many at once as a database likes.

PostgreSQL takes them with COPY, which costs a third of an INSERT; psycopg 3 speaks it.
SQLite takes them one by one with a statement that it reads once.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.models import Model

from django_mailplus.outbox.models import database
from django_mailplus.outbox.rows.statements import AS_THEY_ARE, Sql, field, placed

__all__ = ["Table", "insert", "insert_at_once"]

Table = tuple[type[Model], Mapping[str, Any], Sequence[Mapping[str, Any]]]

_ROWS_AT_ONCE = 500
_CHARACTERS_AT_ONCE = (
    2_000_000  # MariaDB takes 16 MB, and an escape doubles what it escapes
)
_WORTH_A_COPY = 50  # rows; that way asks for the time first


def insert(
    model: type[Model], fixed: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Rows of values by the names of the fields, all of the same fields.

    `fixed` are those that all rows have in common. A value may be a `Sql`.
    """
    if not rows:
        return
    connection = connections[database()]
    with connection.cursor() as cursor:
        # Not past those who watch what a project asks its database.
        watched = connection.execute_wrappers
        table = connection, cursor, model, fixed, rows
        if len(rows) < _WORTH_A_COPY or watched:
            _insert(*table)
        elif hasattr(cursor, "copy"):
            _copy(*table)
        elif connection.vendor == "sqlite":
            _insert_each(*table)
        else:
            _insert(*table)


def insert_at_once(*tables: Table) -> bool:
    """A few rows of several tables in one statement, where a database can: PostgreSQL.

    Each as for `insert`. False where it cannot, or there are too many: nothing is done.
    """
    connection = connections[database()]
    if connection.vendor != "postgresql" or any(
        not 0 < len(rows) < _WORTH_A_COPY for _, _, rows in tables
    ):
        return False
    statements = [_statement(connection, *table) for table in tables]
    *before, (last, _) = statements
    begun = ", ".join(f"_{n} AS ({sql})" for n, (sql, _) in enumerate(before))
    params = [param for _, given in statements for param in given]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {begun} {last}", params)
    return True


def _insert(connection: Any, cursor: Any, *table: Any) -> None:
    model, fixed, rows = table
    most = connection.features.max_query_params
    columns = len(fixed) + len(rows[0])
    at_once = min(_ROWS_AT_ONCE, most // columns if most else _ROWS_AT_ONCE)
    for some in _pieces(rows, at_once):
        cursor.execute(*_statement(connection, model, fixed, some))


def _statement(
    connection: Any,
    model: type[Model],
    fixed: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> tuple[str, list[Any]]:
    begun = [placed(model, *each, connection) for each in fixed.items()]
    values: list[str] = []
    params: list[Any] = []
    for row in rows:
        places = begun + [placed(model, *each, connection) for each in row.items()]
        values.append(", ".join([text for text, _ in places]))
        for _, given in places:
            params += given
    into = _into(model, (*fixed, *rows[0]), connection.vendor)
    return f"INSERT INTO {into} VALUES ({'), ('.join(values)})", params  # noqa: S608


def _pieces(
    rows: Sequence[Mapping[str, Any]], most: int
) -> Iterator[list[Mapping[str, Any]]]:
    piece: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        length = sum(len(value) for value in row.values() if type(value) is str)
        if piece and (len(piece) == most or size + length > _CHARACTERS_AT_ONCE):
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += length
    yield piece


def _copy(connection: Any, cursor: Any, *table: Any) -> None:
    model, fixed, rows = table
    lists = _as_lists(connection, cursor, *table)
    into = _into(model, (*fixed, *rows[0]), connection.vendor)
    copying = cursor.copy(f"COPY {into} FROM STDIN")
    with connection.wrap_database_errors, copying as copy:
        for values in lists:
            copy.write_row(values)


def _insert_each(connection: Any, cursor: Any, *table: Any) -> None:
    model, fixed, rows = table
    lists = _as_lists(connection, cursor, *table)
    names = (*fixed, *rows[0])
    into = _into(model, names, connection.vendor)
    marks = ", ".join(["%s"] * len(names))
    cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", lists)  # noqa: S608


def _as_lists(
    connection: Any,
    cursor: Any,
    model: type[Model],
    fixed: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> Iterator[list[Any]]:
    """The values alone, of pieces of SQL what they come to."""
    computed = _computed(cursor, [fixed, *rows])

    def ready(name: str, value: Any) -> Any:
        if value is None or type(value) in AS_THEY_ARE:
            return value
        if type(value) is Sql:
            return computed[value]
        return field(model, name).get_db_prep_save(value, connection)

    begun = [ready(*each) for each in fixed.items()]
    return (begun + [ready(*each) for each in row.items()] for row in rows)


def _computed(cursor: Any, rows: Sequence[Mapping[str, Any]]) -> dict[Sql, Any]:
    """What the pieces of SQL come to, of which there are a few, such as the time."""
    pieces = list(
        dict.fromkeys(
            value for row in rows for value in row.values() if type(value) is Sql
        )
    )
    if not pieces:
        return {}
    params = [param for piece in pieces for param in piece.params]
    cursor.execute(f"SELECT {', '.join(piece.text for piece in pieces)}", params)
    return dict(zip(pieces, cursor.fetchone(), strict=True))


@functools.cache
def _into(model: type[Model], names: Sequence[str], vendor: str) -> str:
    """The table and its columns, as this kind of database quotes them."""
    quote = connections[database()].ops.quote_name
    columns = [quote(str(field(model, name).column)) for name in names]
    return f"{quote(model._meta.db_table)} ({', '.join(columns)})"
