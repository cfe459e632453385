"""No more mail through a mailer than its provider allows, all processes together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage
from django.core.mail import EmailMessage

from django_mailplus.backends.base import WrapperBackend
from django_mailplus.backends.declaring import mistakes_of_cache, option_errors
from django_mailplus.backends.forwarding import Pair
from django_mailplus.backends.limiting import Elsewhere, RateLimiter, limiter_of
from django_mailplus.backends.waiting import LimitedStream
from django_mailplus.compat import InvalidMailer
from django_mailplus.delivery import mark_unsent
from django_mailplus.exceptions import PartialDeliveryError, RateLimitError
from django_mailplus.outbox.sending.streams import Stream
from django_mailplus.rates import Rate

__all__ = ["EmailBackend"]

_HELD = 5.0  # seconds; for longer an outbox keeps mail better than a worker


class EmailBackend(WrapperBackend):
    """Hands on as many messages as `rate` allows, such as "14/s"; of several all hold.

    A tenth may leave at once, the others one by one. A call waits `max_wait` seconds for
    room, all its messages together, 0 for not at all. What has none then is not sent, and
    raises `RateLimitError`; where others of the batch were sent, within a
    `PartialDeliveryError`. An outbox keeps the mail for as long as that error says; its
    workers wait no more than 5 seconds for a mail.

    The rates are those of the mailer's alias, shared by all processes: through `cache`, the
    name of a cache, or without it in the database of the outbox.
    """

    def __init__(
        self,
        *,
        rate: str | Sequence[str] = (),
        max_wait: float = 5.0,
        cache: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        for problem in _mistakes(rate, max_wait, cache):
            raise InvalidMailer(problem, alias=self.alias)
        self.rates = tuple(map(Rate.parse, _listed(rate)))
        self.max_wait = max_wait
        self.cache = cache

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        problems = _mistakes(
            options.get("rate", ()), options.get("max_wait", 5.0), options.get("cache")
        )
        return [*super().check(alias, options), *option_errors(cls, alias, problems)]

    @property
    def limiter(self) -> RateLimiter:
        """The one of all who send through this mailer."""
        return limiter_of(self.alias, self.rates, self.cache)

    def _hand_on(self, pairs: list[Pair]) -> int:
        """In order, as there is room. An error of the next mailer ends the batch."""
        batch, error = _Batch(pairs), None
        try:
            with ExitStack() as stack:
                error = self._send_in_time(batch, stack)
        except Exception as raised:
            self._note_unsent(batch.unsent, raised)
            raise
        if error is not None:
            self._note_unsent(batch.unsent, error)
            if not self.fail_silently:
                batch.failures += [(message, error) for message in batch.unsent]
        batch.tell(alone=error)
        return batch.sent

    def _send_in_time(self, batch: _Batch, stack: ExitStack) -> RateLimitError | None:
        """What keeps the rest of it from being sent."""
        [using] = self.using
        until = time.monotonic() + self.max_wait
        elsewhere = stack.enter_context(closing(Elsewhere()))
        while batch.left:
            granted, wait = self.limiter.take(len(batch.left), elsewhere)
            if not granted and time.monotonic() + wait > until:
                return self._no_room(wait)
            if batch.begun and using not in self._opened:  # for all that follow
                stack.callback(self.close)
                self.open()
            if granted:
                batch.send(granted, partial(self._forward, using))
            else:
                time.sleep(wait)
        return None

    def _next_stream(self, concurrency: int | None) -> Stream:
        return LimitedStream(
            super()._next_stream(concurrency),
            take=self.limiter.take,
            max_wait=min(self.max_wait, _HELD),
            no_room=self._no_room,
            note_unsent=self._note_unsent,
        )

    def _no_room(self, wait: float) -> RateLimitError:
        error = RateLimitError(self.alias, " and ".join(map(str, self.rates)), wait)
        mark_unsent(error)
        return error


class _Batch:
    """What is left of it, and what became of the rest."""

    def __init__(self, pairs: list[Pair]) -> None:
        self.left = pairs
        self.sent = 0
        self.begun = False
        self.failures: list[tuple[EmailMessage, Exception]] = []

    @property
    def unsent(self) -> list[EmailMessage]:
        """As the caller has them."""
        return [original for original, _ in self.left]

    def send(self, count: int, forward: Callable[[list[Pair]], int]) -> None:
        """So many of them."""
        self.begun = True
        leaving, self.left = self.left[:count], self.left[count:]
        try:
            self.sent += forward(leaving)
        except PartialDeliveryError as error:  # every one was tried
            self.sent += error.sent
            self.failures += error.failures

    def tell(self, *, alone: Exception | None) -> None:
        """One error for all; the error itself where nothing else was in the way."""
        if not self.failures:
            return
        if not self.sent and all(error is alone for _, error in self.failures):
            raise self.failures[0][1]
        raise PartialDeliveryError(sent=self.sent, failures=self.failures)


def _listed(rate: Any) -> tuple[Any, ...]:
    return (rate,) if isinstance(rate, str) else tuple(rate)


def _mistakes(rate: Any, max_wait: Any, cache: Any) -> Iterator[str]:
    yield from _mistakes_of_rates(rate)
    number = isinstance(max_wait, int | float) and not isinstance(max_wait, bool)
    if not number or not 0 <= max_wait < float("inf"):
        yield f"'max_wait' is {max_wait!r}; it takes seconds, 0 or more."
    yield from mistakes_of_cache(cache)
    if cache is None and not apps.is_installed("django_mailplus"):
        yield (
            "without 'cache' the rate is shared through the database: add "
            "'django_mailplus' to INSTALLED_APPS and run 'manage.py migrate', or name a "
            "cache."
        )


def _mistakes_of_rates(rate: Any) -> Iterator[str]:
    if not rate:
        yield "OPTIONS must define 'rate', such as '14/s', or a list of them."
        return
    if not isinstance(rate, str | list | tuple):
        yield f"'rate' is {rate!r}; it takes a rate such as '14/s', or a list of them."
        return
    units = []
    for written in _listed(rate):
        try:
            units.append(Rate.parse(written).unit)
        except (TypeError, ValueError):
            yield f"'rate' has {written!r}; it takes rates such as '14/s' or '500/h'."
    for unit in sorted({unit for unit in units if units.count(unit) > 1}):
        yield f"'rate' says twice what is allowed in one '{unit}'; keep the smaller one."
