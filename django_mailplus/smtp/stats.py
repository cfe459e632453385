"""The figures of a pool, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COUNTED", "Stats"]

COUNTED = ("opened", "failed", "reused", "replaced", "closed", "waited", "timeouts")
"""What only ever grows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a pool holds now, and what it has done since it was made."""

    size: int
    in_use: int  # also while connecting or parting
    idle: int
    waiting: int
    opened: int
    failed: int  # attempts to open
    reused: int
    replaced: int  # found dead or too old when somebody wanted to use them
    closed: int
    waited: int  # leases that did not get a connection at once
    timeouts: int
