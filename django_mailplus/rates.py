"""How many mails may leave in how many seconds: the arithmetic, whoever keeps count.

Each mail moves a time further by what it is worth. As long as that time is not too far
ahead of now there is room (the generic cell rate algorithm of ATM, ITU-T I.371). Within
no period more than the allowed number leaves, wherever the period begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Rate"]

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNITS = {seconds: unit for unit, seconds in _SECONDS.items()}
_WRITTEN = re.compile(r"([1-9][0-9]{0,8})/([smhd])")
_SHARE_AT_ONCE = 10  # a tenth of what is allowed may leave without any distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many mails in so many seconds: a second, minute, hour or day.

    `ahead` is by how many seconds the time that mails move is ahead of now.
    """

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

    def __str__(self) -> str:
        return f"{self.count}/{self.unit}"

    @property
    def unit(self) -> str:
        """s, m, h or d."""
        return _UNITS[self.seconds]

    @property
    def at_once(self) -> int:
        return max(1, self.count // _SHARE_AT_ONCE)

    @property
    def distance(self) -> float:
        """Seconds that one mail is worth."""
        return self.seconds / max(1, self.count - self.at_once)

    def ahead(self, seconds: float) -> float:
        """As it can be: a clock that was put back would let it be far more."""
        return min(max(seconds, 0.0), self.at_once * self.distance)

    def room(self, ahead: float) -> int:
        """For so many mails; none is 0."""
        return max(0, int(self.at_once + 1e-6 - ahead / self.distance))

    def wait(self, ahead: float) -> float:
        """Seconds until there is room for one more."""
        return max(0.0, ahead - (self.at_once - 1) * self.distance)

    def after(self, ahead: float, count: int) -> float:
        """How far ahead it is once so many have left."""
        return ahead + count * self.distance
