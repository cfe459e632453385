"""What the API of a mail provider said of each recipient, as django-anymail notes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.mail import EmailMessage

from django_mailplus.delivery import DeliveryResult, Kind, RecipientResult

__all__ = ["provider_result"]

_KINDS: Mapping[str, Kind] = {
    "invalid": "permanent",
    "rejected": "permanent",
    "failed": "transient",
}


def provider_result(message: EmailMessage) -> DeliveryResult | None:
    """None for a message that no such backend has sent.

    A status that says nothing bad, such as "sent" or "queued", is an acceptance.
    """
    status: Any = getattr(message, "anymail_status", None)
    recipients = getattr(status, "recipients", None)
    if not isinstance(recipients, Mapping) or not recipients:
        return None
    told = {address: str(getattr(r, "status", "")) for address, r in recipients.items()}
    number = getattr(status, "message_id", None)
    return DeliveryResult(
        recipients=tuple(
            RecipientResult(
                address=address,
                kind=_KINDS.get(said, "accepted"),
                text=f"The provider says: {said}.",
            )
            for address, said in told.items()
        ),
        text=f"The provider's number: {number}." if isinstance(number, str) else "",
    )
