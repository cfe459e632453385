"""When to try again. RFC 5321 section 4.5.4.1 has mail servers in mind; we are before one."""

from __future__ import annotations

import random
from datetime import timedelta

__all__ = ["KEEP_TRYING", "after_attempt", "longest_pause", "pause_after"]

_MINUTE, _HOUR = 60.0, 3600.0  # seconds
KEEP_TRYING = timedelta(hours=24)
"""How long after it was due a mail is retried, unless it says otherwise."""

_WAITS = (30.0, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR)
_GREYLISTED = frozenset({450, 451})
_GREYLISTED_AT_LEAST = 60.0  # seconds; who greylists refuses an earlier retry anew
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 5 * _MINUTE


def after_attempt(number: int, code: int | None = None) -> timedelta:
    """How long a mail waits after its attempt of that number, from 1.

    A random part of up to half keeps mails that failed together from coming back so.
    """
    wait = _WAITS[min(number, len(_WAITS)) - 1] * random.uniform(0.5, 1)  # noqa: S311
    if code in _GREYLISTED:
        wait = max(wait, _GREYLISTED_AT_LEAST)
    return timedelta(seconds=wait)


def pause_after(failures: int) -> timedelta:
    """How long a mailer rests after so many failures in a row, from 1."""
    return longest_pause(failures) * random.uniform(0.75, 1)  # noqa: S311


def longest_pause(failures: int) -> timedelta:
    """Before a random part is taken off."""
    exponent = max(min(failures, 10) - 1, 0)
    return timedelta(seconds=min(_FIRST_PAUSE * 2**exponent, _LONGEST_PAUSE))
