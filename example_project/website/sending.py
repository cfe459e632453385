"""Sending from a view: what became of it, as something a page can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.dispatch import receiver

from django_mailplus.delivery import DeliveryResult, classify
from django_mailplus.models import OutboxMessage
from django_mailplus.signals import message_failed, message_sent, outbox_queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message and the answers to it."""

    message: EmailMessage
    result: DeliveryResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the result panel shows."""

    count: int = 0
    deliveries: tuple[Delivery, ...] = ()
    stored: tuple[OutboxMessage, ...] = ()
    error: Exception | None = None
    at_fault: str = ""

    @property
    def refused_everywhere(self) -> bool:
        return self.error is not None

    @property
    def partly_refused(self) -> bool:
        return self.error is None and any(d.result.refused for d in self.deliveries)

    @property
    def error_name(self) -> str:
        return type(self.error).__name__


def send_and_report(send: Callable[[], int]) -> Outcome:
    """Run a function that sends mail; a failure to send is an outcome, not an exception."""
    with _collecting() as collected:
        try:
            count = send()
        except (OSError, ValueError, ImproperlyConfigured) as error:
            # OSError: smtplib's errors, refused connections, time-outs. ValueError: a message
            # that cannot be written, such as one to an address that is none. ImproperlyConfigured:
            # a mailer that is set up wrongly.
            return Outcome(
                deliveries=tuple(collected.deliveries.values()),
                error=error,
                at_fault=classify(error),
            )
    return Outcome(
        count=count,
        deliveries=tuple(collected.deliveries.values()),
        stored=tuple(collected.stored),
    )


@dataclass(slots=True)
class _Collected:
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    stored: list[OutboxMessage] = field(default_factory=list)


# send_mail() makes its message itself and hands out a number, so the answers are picked up from
# the signals. A context variable keeps the requests of different threads apart.
_collected: ContextVar[_Collected | None] = ContextVar("collected", default=None)


@contextmanager
def _collecting() -> Iterator[_Collected]:
    collected = _Collected()
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)


@receiver([message_sent, message_failed])
def _collect(*, message: EmailMessage, result: DeliveryResult, **kwargs: Any) -> None:
    # Both signals come for a message that was refused in part.
    if (collected := _collected.get()) is not None:
        collected.deliveries[id(message)] = Delivery(message=message, result=result)


@receiver(outbox_queued)
def _collect_stored(*, mail: OutboxMessage, **kwargs: Any) -> None:
    if (collected := _collected.get()) is not None:
        collected.stored.append(mail)
