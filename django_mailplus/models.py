"""The models of the rooms that own tables, gathered so that the app has one history."""

from __future__ import annotations

from django_mailplus.inbox.models import CaughtMail, CaughtRecipient
from django_mailplus.outbox.models import (
    Attempt,
    Blob,
    MailerState,
    OutboxMessage,
    Payload,
    ProviderMessage,
    Recipient,
    TrackingEvent,
)
from django_mailplus.suppression.models import Suppression
from django_mailplus.verification.models import EmailAddress, SendingAllowance

__all__ = [
    "Attempt",
    "Blob",
    "CaughtMail",
    "CaughtRecipient",
    "EmailAddress",
    "MailerState",
    "OutboxMessage",
    "Payload",
    "ProviderMessage",
    "Recipient",
    "SendingAllowance",
    "Suppression",
    "TrackingEvent",
]
