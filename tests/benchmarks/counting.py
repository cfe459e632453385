"""Backends that do nothing, to see what is around them."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.mail import EmailMessage

from django_mailplus.backends.base import MailplusBackend, WrapperBackend
from django_mailplus.delivery import DeliveryResult, set_result

__all__ = ["Counts", "Nothing"]

TAKEN = DeliveryResult(recipients=())


class Counts(MailplusBackend):
    """A leaf that counts."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        sent = 0
        for message in email_messages:
            set_result(message, TAKEN)
            sent += 1
        return sent


class Nothing(WrapperBackend):
    """Passes all messages on as they are."""
