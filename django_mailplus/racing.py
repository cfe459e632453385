"""Changes that are made once more where another one was in the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from traceback import walk_tb
from typing import ParamSpec, TypeVar

from django.db import Error, IntegrityError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["tried_again"]

P = ParamSpec("P")
R = TypeVar("R")

_TRIES = 5
_AFTER_THE_COMMIT = BaseDatabaseWrapper.run_and_clear_commit_hooks.__code__


def tried_again(
    database: Callable[[], str],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Run a change of this database again if it lost a race: of two in a deadlock the
    database ends one, and a row may come and go while one like it is written.

    The change is one transaction, of which nothing stays when it fails. Inside of a
    transaction of the caller, only the caller can run it again. What fails after the
    commit is raised, for the change is made.
    """

    def decorated(change: Callable[P, R]) -> Callable[P, R]:
        @wraps(change)
        def trying(*args: P.args, **options: P.kwargs) -> R:
            for _ in range(_TRIES - 1):
                try:
                    return change(*args, **options)
                except (IntegrityError, OperationalError) as error:
                    if not _lost_a_race(error, database()):
                        raise
            return change(*args, **options)

        return trying

    return decorated


def _lost_a_race(error: Error, database: str) -> bool:
    connection = connections[database]
    if connection.in_atomic_block or _is_after_the_commit(error):
        return False
    if isinstance(error, IntegrityError):
        return True
    return connection.connection is not None and connection.is_usable()


def _is_after_the_commit(error: Error) -> bool:
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    return any(frame.f_code is _AFTER_THE_COMMIT for frame in frames)
