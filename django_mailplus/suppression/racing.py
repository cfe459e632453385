"""Changes that are made once more where another one was in the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import Error, IntegrityError, OperationalError, connections, router

from django_mailplus.suppression.models import Suppression

__all__ = ["tried_again"]

P = ParamSpec("P")
R = TypeVar("R")

_TRIES = 5


def tried_again(change: Callable[P, R]) -> Callable[P, R]:
    """Run it again if it lost a race: of two in a deadlock the database ends one, and an
    entry may come and go while one like it is written.

    Inside of a transaction of the caller, only the caller can.
    """

    @wraps(change)
    def trying(*args: P.args, **options: P.kwargs) -> R:
        for _ in range(_TRIES - 1):
            try:
                return change(*args, **options)
            except (IntegrityError, OperationalError) as error:
                if not _lost_a_race(error):
                    raise
        return change(*args, **options)

    return trying


def _lost_a_race(error: Error) -> bool:
    connection = connections[router.db_for_write(Suppression)]
    if connection.in_atomic_block:
        return False
    if isinstance(error, IntegrityError):
        return True
    return connection.connection is not None and connection.is_usable()
