"""How fast a mailer may send, all workers on all hosts together.

A mail takes the time until `free_at` further by what it is worth; as long as that is not
too far ahead of now there is room (the generic cell rate algorithm of ATM, ITU-T I.371).
Within no period more than the allowed number leaves, wherever the period begins.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import MailerState, database

__all__ = ["Limiter", "Rate"]

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_WRITTEN = re.compile(r"([1-9][0-9]{0,8})/([smhd])")
_SHARE_AT_ONCE = 10  # a tenth of what is allowed may leave without any distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many mails in so many seconds."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, written: str) -> Rate:
        """Raises ValueError."""
        if not (found := _WRITTEN.fullmatch(written)):
            raise ValueError(
                f"{written!r} is not a rate. Write a number of mails and s, m, h or d, "
                "such as '14/s' or '500/h'."
            )
        return cls(count=int(found[1]), seconds=_SECONDS[found[2]])

    @property
    def at_once(self) -> int:
        return max(1, self.count // _SHARE_AT_ONCE)

    @property
    def distance(self) -> float:
        """Seconds that one mail is worth."""
        return self.seconds / max(1, self.count - self.at_once)


class Limiter:
    """The rate of one mailer, as all workers share it."""

    def __init__(self, alias: str, rate: Rate) -> None:
        self._alias = alias
        self._rate = rate
        self.is_short = False  # whether there was less room than wanted, the last time

    def take(self, wanted: int) -> int:
        """Room for so many mails, or for fewer; it is used whether they leave or not."""
        granted = self._granted(wanted)
        self.is_short = granted < wanted
        return granted

    def seconds_until_room(self) -> float:
        """Until there is room for one more."""
        _, begin, now = self._seen()
        allowed = (self._rate.at_once - 1) * self._rate.distance
        ahead: float = (begin - now).total_seconds()
        return max(0.0, ahead - allowed)

    def _granted(self, wanted: int) -> int:
        if wanted < 1:
            return 0
        free_at, begin, now = self._seen()
        ahead = (begin - now).total_seconds()
        room = int(self._rate.at_once + 1e-6 - ahead / self._rate.distance)
        granted = min(wanted, room)
        if granted < 1:
            return 0
        after = begin + datetime.timedelta(seconds=granted * self._rate.distance)
        # Whoever else took room at this moment has changed it; then ask again later.
        unchanged = self._states().filter(free_at=free_at)
        return granted if unchanged.update(free_at=after) else 0

    def _seen(self) -> tuple[datetime.datetime | None, datetime.datetime, Any]:
        """`free_at` as it is, and as it can be; and now, by the database's clock.

        A clock that was put back would let it lie far ahead.
        """
        found = self._states().annotate(now=DatabaseNow()).values_list("free_at", "now")
        if (seen := found.first()) is None:
            self._states().get_or_create(alias=self._alias)
            seen = found.get()
        free_at, now = seen
        whole = datetime.timedelta(seconds=self._rate.at_once * self._rate.distance)
        return free_at, min(max(free_at or now, now), now + whole), now

    def _states(self) -> QuerySet[MailerState]:
        return MailerState.objects.using(database()).filter(alias=self._alias)
