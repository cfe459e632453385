"""Durable sending: mails wait in the project's database until the server has taken them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.core.mail import EmailMessage

if TYPE_CHECKING:
    from django_mailplus.outbox.models import OutboxMessage
    from django_mailplus.outbox.options import OutboxOptions, outbox_options

__all__ = ["OutboxOptions", "enqueue", "outbox_options"]


def __getattr__(name: str) -> Any:
    if name in ("OutboxOptions", "outbox_options"):
        from django_mailplus.outbox import options

        return getattr(options, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def enqueue(
    message: EmailMessage,
    *,
    using: str | None = None,
    priority: Literal["urgent", "high", "normal", "low"] | None = None,
    send_at: datetime.datetime | None = None,
    expires_at: datetime.datetime | None = None,
    idempotency_key: str | None = None,
    max_age: float | None = None,
    on_unknown: Literal["retry", "hold"] | None = None,
    stream: str | None = None,
    sensitive: bool | None = None,
) -> OutboxMessage | None:
    """Send a message through an outbox with options of its own; its row there.

    `using` is the mailer, an outbox or one that leads to it; without, the default. The
    options are those of `OutboxOptions`. For a second message with the same
    `idempotency_key` the row of the first is given, and its `is_new` is False.

    None if nothing was stored: a mailer on the way dropped the message, or took it to
    another one, as Django does while tests run. Raises `InvalidMailer` if no outbox is
    on the way, ValueError for an option that makes no sense, and what the outbox raises.
    """
    from django_mailplus.outbox.enqueueing import send_noting
    from django_mailplus.outbox.options import OutboxOptions

    options = OutboxOptions(
        priority=priority,
        send_at=send_at,
        expires_at=expires_at,
        idempotency_key=idempotency_key,
        max_age=max_age,
        on_unknown=on_unknown,
        stream=stream,
        sensitive=sensitive,
    )
    return send_noting(message, options, using)
