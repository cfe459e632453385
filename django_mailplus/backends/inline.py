"""A mailer asked in this thread, at once: what it has been given leaves as one batch."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.backends.answers import UntriedError
from django_mailplus.backends.routing import Sent
from django_mailplus.backends.tracing import hop
from django_mailplus.chain import find_backend, walk
from django_mailplus.delivery import DeliveryResult, classify, get_result, mark_unsent
from django_mailplus.exceptions import PartialDeliveryError

__all__ = ["Inline"]


class Inline:
    """Where all backends from there on set a result on each message, as ours do, a batch
    that failed shows how far it came; through others messages go one at a time.
    """

    window = 1_000_000

    def __init__(
        self, alias: str | None, mailer: BaseEmailBackend, *, keep: bool
    ) -> None:
        self._alias, self._mailer, self._keep = alias, mailer, keep
        self._tells = alias is None or all(_tells(used) for used in walk(alias))
        self._batch: list[EmailMessage] = []
        self._outcomes: deque[Sent] = deque()

    def put(self, message: EmailMessage, before: Callable[[], None]) -> None:
        self._batch.append(message)

    def get(self, timeout: float) -> Sent | None:
        if self._batch and not self._outcomes:
            batch, self._batch = self._batch, []
            with hop(self._alias, batch) as told:
                outcomes = self._send(batch)
                told.count = sum(count for _, _, count in outcomes)
                told.error = next((why for _, why, _ in outcomes if why), None)
            self._outcomes += outcomes
        return self._outcomes.popleft() if self._outcomes else None

    def recorded(self) -> None:
        """There is no limit."""

    def close(self) -> None:
        """Each batch closes what it opened."""

    def _send(self, batch: list[EmailMessage]) -> list[Sent]:
        if self._tells:
            return self._send_together(batch)
        try:
            self._mailer.open()
        except Exception as error:
            mark_unsent(error)
            return [(message, error, 0) for message in batch]
        try:
            return self._send_one_by_one(batch)
        finally:
            if not self._keep:
                self._disconnect()

    def _disconnect(self) -> None:
        with contextlib.suppress(Exception):  # what was sent was sent
            self._mailer.close()

    def _send_one_by_one(self, batch: list[EmailMessage]) -> list[Sent]:
        outcomes: list[Sent] = []
        for number, message in enumerate(batch, 1):
            outcomes.append(outcome := self._send_alone(message))
            if outcome[1] is not None and _is_the_end(outcome[1]):
                self._disconnect()  # one that is dead would stay
                return [*outcomes, *_untried(batch[number:])]
        return outcomes

    def _send_alone(self, message: EmailMessage) -> Sent:
        try:
            return message, None, self._mailer.send_messages([message]) or 0
        except Exception as error:
            return message, error, 0

    def _send_together(self, batch: list[EmailMessage]) -> list[Sent]:
        outcomes: list[Sent] = []
        while batch:
            try:
                sent = self._mailer.send_messages(batch) or 0
            except Exception as error:
                failure = error
            else:
                return outcomes + _all_told(batch, sent)
            told, left = _told(batch, failure)
            outcomes += told
            if not told:  # by a wrapper on the way, say: nothing has left
                if classify(failure) != "message" or len(left) == 1:
                    return [*outcomes, *((m, failure, 0) for m in left)]
                return outcomes + self._send_one_by_one(left)
            if _is_the_end(failure):
                return outcomes + _untried(left)
            batch = left
        return outcomes


def _tells(alias: str) -> bool:
    """Not where a class of a project sends in its own way."""
    backend = find_backend(alias)
    methods = (getattr(backend, name, None) for name in ("send_messages", "_send"))
    homes = [str(getattr(m, "__module__", "")) for m in methods if m is not None]
    return bool(homes) and all(home.startswith("django_mailplus.") for home in homes)


def _is_the_end(error: Exception) -> bool:
    """Whether nothing more can be sent this way."""
    return classify(error) in ("mailer", "unknown")


def _untried(messages: list[EmailMessage]) -> list[Sent]:
    """Another mailer may take them."""
    return [(message, UntriedError(), 0) for message in messages]


def _all_told(batch: list[EmailMessage], sent: int) -> list[Sent]:
    """`sent` is how many there were, also among those without a result, as in an outbox."""
    counts = [_accepted(message) for message in batch]
    left = sent - sum(counts)
    for number, message in enumerate(batch):
        if left > 0 and get_result(message) is None:
            counts[number], left = 1, left - 1
    counts[0] += left
    return [(m, None, count) for m, count in zip(batch, counts, strict=True)]


def _told(
    batch: list[EmailMessage], error: Exception
) -> tuple[list[Sent], list[EmailMessage]]:
    """The outcomes in a batch that failed, and the messages that nobody has tried."""
    errors = {}
    if isinstance(error, PartialDeliveryError):
        errors = {id(message): why for message, why in error.failures}
    told: list[Sent] = []
    left = []
    for message in batch:
        result = get_result(message)
        if id(message) in errors:
            told.append((message, errors[id(message)], 0))
        elif result is None or _is_untried(result):
            left.append(message)
        elif result.accepted or {r.kind for r in result.recipients} == {"suppressed"}:
            told.append((message, None, _accepted(message)))
        else:
            told.append((message, error, 0))
    return told, left


def _is_untried(result: DeliveryResult) -> bool:
    return all(r.kind == "transient" and r.code is None for r in result.recipients)


def _accepted(message: EmailMessage) -> int:
    result = get_result(message)
    return int(result is not None and bool(result.accepted))
