"""A database that fails: what is wrong in one line, and waits that grow until it is back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from django.apps import apps
from django.db import Error, InterfaceError, OperationalError, connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model

from django_mailplus.viewer import clean_line

__all__ = ["Outage", "fault_of", "unmigrated", "without_tables"]

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 30.0  # seconds; a worker gives a sign of life once a minute
_APP = "mailplus"
_FAILS = "The database cannot be read or written"


def fault_of(error: Error) -> str:
    """What is wrong, in a sentence; empty where it could be told in words of a row alone.

    Costs queries where the database answers: a table that is missing looks different on each.
    """
    if fault := unmigrated(error):
        return fault
    if not _is_harmless(error):
        return ""
    # PostgreSQL's guesses at the cause are indented.
    said = " ".join(line for line in str(error).splitlines() if line[:1].strip())
    kind = type(error).__name__
    return clean_line(f"{_FAILS}: {kind}: {said.rstrip('.')}.")


def _is_harmless(error: Error) -> bool:
    """Whether it is about the database itself, and has no words of a row."""
    return isinstance(error, (OperationalError, InterfaceError))


def without_tables(alias: str, *models: type[Model]) -> str:
    """What to do if a database lacks their tables. Raises what the database raises."""
    there = set(connections[alias].introspection.table_names())
    tables = {model._meta.db_table for model in models}
    return "" if there.issuperset(tables) else _not_migrated(alias)


def _models() -> Iterable[type[Model]]:
    return apps.get_app_config(_APP).get_models()


def _not_migrated(alias: str) -> str:
    option = "" if alias == "default" else f" --database {alias}"
    return (
        f"The database {alias!r} lacks tables of django_mailplus, or has old ones. Run "
        f"'manage.py migrate{option}'."
    )


def unmigrated(error: Error) -> str:
    """What to do if `migrate` is to be run first; empty where that is not to be found out."""
    for alias in dict.fromkeys(map(router.db_for_write, _models())):
        try:
            ours = [m for m in _models() if router.db_for_write(m) == alias]
            if _answers(alias, error) and (
                without_tables(alias, *ours) or _has_to_migrate(alias)
            ):
                return _not_migrated(alias)
        except Exception:  # whoever explains an error raises none
            logger.debug("Whether %r is migrated is unknown", alias, exc_info=True)
    return ""


def _answers(alias: str, error: Error) -> bool:
    """Without connecting anew where that may be what has just failed, and taken long."""
    connection = connections[alias]
    if connection.connection is not None:
        return connection.is_usable()
    return connection.vendor == "sqlite" or not _is_harmless(error)


def _has_to_migrate(alias: str) -> bool:
    executor = MigrationExecutor(connections[alias])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes(_APP)))


class Outage:
    """One line for each failure, none with a traceback, and one when it is over.

    `wait` are the seconds until the next try.
    """

    def __init__(self, *, first_wait: float) -> None:
        self._first = first_wait
        self.wait = 0.0
        self._since: float | None = None

    @property
    def is_on(self) -> bool:
        return self._since is not None

    def is_longer(self, seconds: float) -> bool:
        """Whether it will have lasted for longer than that after another wait."""
        since = time.monotonic() if self._since is None else self._since
        return time.monotonic() - since + self._next() > seconds

    def note(self, error: Error, what: str = "") -> None:
        """Log it; `what` is what is the matter besides, as a sentence."""
        if self._since is None:
            self._since = time.monotonic()
        self.wait = self._next()
        fault = fault_of(error) or f"{_FAILS} ({type(error).__name__})."
        also = f" {what}" if what else ""
        logger.error("%s%s Trying again in %.3g s.", fault, also, self.wait)
        if _is_harmless(error):
            logger.debug("The database fails", exc_info=error)

    def end(self) -> None:
        if self._since is not None:
            lasted = time.monotonic() - self._since
            logger.warning("The database is back after %.3g s.", lasted)
        self._since, self.wait = None, 0.0

    def _next(self) -> float:
        return min(2 * self.wait, _LONGEST_WAIT) or self._first
