"""A mail that a worker holds, and the clock by which it does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta

from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.rows.claims import Claim
from django_mailplus.outbox.states import State

__all__ = ["Carried", "LeaseOverError", "clock"]


class LeaseOverError(Exception):
    """The mail has not left, and may be another worker's by now."""


def clock() -> float:
    """Seconds that go on while the machine is suspended, as leases do; on Linux."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(slots=True)
class Carried:
    """Times are by `clock`."""

    mail: Claim
    since: float  # when the claim was asked for, or renewed
    claimed_at: float = field(init=False)
    settled: dict[str, State] = field(default_factory=dict)
    wait: float | None = None  # seconds, of one that is put off
    departed: int = 0  # tick of its last departure, see `blaming`

    def __post_init__(self) -> None:
        self.claimed_at = self.since

    @property
    def left(self) -> timedelta:
        """How long there may be another try."""
        gone = clock() - self.claimed_at
        return timedelta(seconds=self.mail.give_up_in - gone)

    def over(self) -> Verdict | None:
        """The verdict on a mail whose time has passed."""
        if self.mail.expires_in <= clock() - self.claimed_at:
            return Verdict(state=State.EXPIRED, outcome="expired", handed_over=False)
        return None
