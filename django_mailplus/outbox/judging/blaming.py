"""Whether it is the mailer that fails, or one mail that it cannot bear.

Some servers answer to one mail as if they were down: with HTTP 403, or 421. Where others
leave between two such failures of a mail, the mail is to blame. What a process has seen
is enough: another one learns it with its next two failures.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field

from django_mailplus.forgetting import forgotten_with

__all__ = ["Blame", "blame_of", "tick"]

_REMEMBERED = 1_000  # mails that failed; all are forgotten when there are more
_ROUNDS = 2  # failures followed by successes; one may have been on its way before

_ticks = itertools.count(1)


def tick() -> int:
    """A time that never stands still."""
    return next(_ticks)


@dataclass(slots=True)
class _Suspect:
    failed: int  # tick of its last failure that was the mailer's
    rounds: int = 0


@dataclass(slots=True)
class Blame:
    """What is known of one mailer. Threads may share it: each step is atomic."""

    _left: int = 0  # tick at which one that succeeded had left
    _heard: int = 0  # tick at which a success was heard
    _failed: int = 0  # of a failure that was the mailer's
    _suspects: dict[uuid.UUID, _Suspect] = field(default_factory=dict)

    def note_success(self, mail: uuid.UUID, left: int) -> None:
        """A mail was taken that had left at that tick."""
        self._suspects.pop(mail, None)
        self._left, self._heard = max(self._left, left), tick()

    def is_on(self, mail: uuid.UUID) -> bool:
        """Whether a failure is to be put down to this mail; else it is the mailer's.

        A mail fails for itself if others have left since it failed before, and the mailer
        has failed no other one since then.
        """
        suspect = self._suspects.get(mail)
        works = self._heard > self._failed
        if suspect is not None and works:
            suspect.rounds += 1
            if self._left > suspect.failed or suspect.rounds >= _ROUNDS:
                return True
        self._failed = tick()
        if len(self._suspects) >= _REMEMBERED:
            self._suspects.clear()
        rounds = suspect.rounds if suspect else 0
        self._suspects[mail] = _Suspect(failed=self._failed, rounds=rounds)
        return False


_of_mailers: dict[str, Blame] = {}


def blame_of(alias: str) -> Blame:
    """The one of this process."""
    return _of_mailers.setdefault(alias, Blame())


@forgotten_with("MAILERS")
def _forget_blame() -> None:
    _of_mailers.clear()
