"""One message to the outbox, through whatever mailers stand before it, and its row."""

from __future__ import annotations

from dataclasses import replace

from django.core.mail import EmailMessage

from django_mailplus.chain import kind_of, walk
from django_mailplus.compat import (
    DEFAULT_MAILER_ALIAS,
    InvalidMailer,
    get_mailer,
    mailer_settings,
)
from django_mailplus.message.copying import copy_message
from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows.storing import noting

__all__ = ["send_noting"]


def send_noting(
    message: EmailMessage, options: OutboxOptions, using: str | None
) -> OutboxMessage | None:
    """The row of the message; None if it came to no outbox."""
    alias = using or DEFAULT_MAILER_ALIAS
    if alias in mailer_settings():
        _demand_an_outbox(alias)
    copied = copy_message(message)
    # An object of its own, by which the message is known again behind wrappers.
    mark = replace(options.or_else(OutboxOptions.of(message)))
    copied.outbox = mark  # type: ignore[attr-defined]
    mailer = get_mailer(alias)
    with noting() as noted:
        mailer.send_messages([copied])
    stored = [row for each, row in noted if getattr(each, "outbox", None) is mark]
    if not stored:
        return None
    mail = OutboxMessage.objects.using(database()).get(pk=stored[0].id)
    mail.is_new = stored[0].is_new
    return mail


def _demand_an_outbox(alias: str) -> None:
    if any(kind_of(found) == "store" for found in walk(alias)):
        return
    stores = [repr(a) for a in mailer_settings() if kind_of(a) == "store"]
    raise InvalidMailer(
        "enqueue() sends through an outbox, and this mailer leads to none "
        f"(outboxes: {', '.join(stores) or 'none'}). Name one with 'using', or put "
        "'django_mailplus.backends.outbox.EmailBackend' in front of it.",
        alias=alias,
    )
