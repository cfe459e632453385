"""The way of a message from mailer to mailer, for whoever wants to see it.

A hop begins where a mailer is handed messages and ends when it has answered, whoever
wrote it. Where nobody listens nothing is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.core.mail import EmailMessage

from django_mailplus.delivery import DeliveryResult
from django_mailplus.outbox.judging.providers import known_result

__all__ = ["Hop", "hop", "listening", "pass_over"]


@dataclass(slots=True, kw_only=True)
class Hop:
    """What a mailer made of the messages it got; `alias` None is SMTP with EMAIL_ settings.

    `count` is how many it says it sent, `results` what stood on the messages then, and
    `passed_over` why it was not asked. `seconds` include those of the hops within.
    """

    alias: str | None
    seconds: float = 0.0
    count: int | None = None
    error: Exception | None = None
    results: tuple[DeliveryResult, ...] = ()
    passed_over: str = ""
    within: list[Hop] = field(default_factory=list)


_within: ContextVar[list[Hop] | None] = ContextVar("mailplus_hops", default=None)


@contextmanager
def listening() -> Iterator[list[Hop]]:
    """The hops of this thread, the outermost ones, as they come."""
    hops: list[Hop] = []
    token = _within.set(hops)
    try:
        yield hops
    finally:
        _within.reset(token)


@contextmanager
def hop(alias: str | None, messages: Sequence[EmailMessage]) -> Iterator[Hop]:
    """Around a call that hands the messages over; who makes it sets `count`, and `error`
    where nothing is raised.
    """
    begun = Hop(alias=alias)
    if (around := _within.get()) is None:
        yield begun
        return
    around.append(begun)
    token, started = _within.set(begun.within), time.perf_counter()
    try:
        yield begun
    except Exception as error:
        begun.error = error
        raise
    finally:
        _within.reset(token)
        begun.seconds = time.perf_counter() - started
        begun.results = tuple(
            result for message in messages if (result := known_result(message))
        )


def pass_over(alias: str | None, why: str) -> None:
    """A mailer was not asked."""
    if (around := _within.get()) is not None:
        around.append(Hop(alias=alias, passed_over=why))
