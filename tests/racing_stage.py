"""Statements that lose against another transaction."""

from __future__ import annotations

from itertools import count

from django.db import OperationalError


def losing(at):
    """The write number `at` of those that follow is ended by the database, once."""
    writes = count()
    lost = []

    def lose(execute, sql, params, many, context):
        if sql.split()[0] in ("INSERT", "UPDATE", "DELETE") and next(writes) == at:
            lost.append(sql)
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        return execute(sql, params, many, context)

    lose.lost = lost
    return lose
