"""How fast mail may leave, all processes on all hosts together, by the database's clock."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import NO_MAILER, MailerState, database
from django_mailplus.rates import Rate

__all__ = ["DatabaseLimiter", "name_of"]

_LONGEST_NAME = MailerState._meta.get_field("alias").max_length


def name_of(alias: str, rate: Rate) -> str:
    """Under which the `ratelimit` mailer of that alias shares a rate.

    One for each unit: a count that was changed goes on where the old one was. No mailer
    behind an outbox is called so.
    """
    name = f"{NO_MAILER}{rate.unit}:{alias}"
    if _LONGEST_NAME is None or len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(alias.encode()).hexdigest()
    return f"{NO_MAILER}{rate.unit}:{digest}"


class _Overtaken(Exception):  # noqa: N818 (no error: it ends a transaction)
    """Whoever else took room at this moment has changed what was seen."""


@dataclass(frozen=True, slots=True)
class _Seen:
    free_at: datetime.datetime | None  # as it is
    ahead: float  # as it can be


class DatabaseLimiter:
    """Rates that hold together, each under the name that all who share it give it.

    The name is that of a mailer behind an outbox, or one that no mailer has.
    """

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        self._rates = dict(sorted(rates.items()))  # whoever locks several: in one order
        self.is_short = False  # whether there was less room than wanted, the last time

    def take(self, wanted: int) -> int:
        """Room for so many mails, or for fewer; it is used whether they leave or not."""
        granted = self._granted(wanted)
        self.is_short = granted < wanted
        return granted

    def seconds_until_room(self) -> float:
        """Until there is room for one more."""
        seen, _ = self._look()
        return max(rate.wait(seen[name].ahead) for name, rate in self._rates.items())

    def _granted(self, wanted: int) -> int:
        if wanted < 1:
            return 0
        seen, now = self._look()
        room = min(rate.room(seen[name].ahead) for name, rate in self._rates.items())
        granted = min(wanted, room)
        if granted < 1:
            return 0
        try:
            with self._together():
                for name, rate in self._rates.items():
                    after = rate.after(seen[name].ahead, granted)
                    self._move(name, seen[name], now + datetime.timedelta(0, after))
        except _Overtaken:  # then ask again later
            return 0
        return granted

    def _together(self) -> AbstractContextManager[None]:
        """One statement is a transaction by itself."""
        if len(self._rates) == 1:
            return nullcontext()
        return transaction.atomic(using=database())

    def _move(self, name: str, seen: _Seen, to: datetime.datetime) -> None:
        unchanged = self._states().filter(alias=name, free_at=seen.free_at)
        if not unchanged.update(free_at=to):
            raise _Overtaken

    def _look(self) -> tuple[Mapping[str, _Seen], datetime.datetime]:
        found = self._find()
        for name in self._rates.keys() - found.keys():
            self._states().get_or_create(alias=name)
            found = self._find()
        now = next(now for _, now in found.values())
        seen = {}
        for name, rate in self._rates.items():
            free_at, _ = found[name]
            ahead = 0.0 if free_at is None else (free_at - now).total_seconds()
            seen[name] = _Seen(free_at, rate.ahead(ahead))
        return seen, now

    def _find(
        self,
    ) -> dict[str, tuple[datetime.datetime | None, datetime.datetime]]:
        states = self._states().filter(alias__in=self._rates)
        found = states.annotate(now=DatabaseNow()).values_list(
            "alias", "free_at", "now"
        )
        return {name: (free_at, now) for name, free_at, now in found}

    @staticmethod
    def _states() -> QuerySet[MailerState]:
        return MailerState.objects.using(database())
