"""What the API of a mail provider said of each recipient, as django-anymail notes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.mail import EmailMessage

from django_mailplus.delivery import DeliveryResult, Kind, RecipientResult, get_result

__all__ = ["ProviderNote", "known_result", "provider_notes"]

_KINDS: Mapping[str, Kind] = {
    "invalid": "permanent",
    "rejected": "permanent",
    "failed": "transient",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNote:
    """What a provider calls a mail for one recipient, or with address "" for all of them.

    `provider` is empty where nobody has noted it: see `tracking.receiving`.
    """

    provider: str
    external_id: str
    address: str
    status: str


def provider_notes(message: EmailMessage) -> tuple[ProviderNote, ...]:
    """None for a message that has no number there: by it alone an event finds its mail."""
    status: Any = getattr(message, "anymail_status", None)
    if status is None or not (told := _recipients(status)):
        return ()
    provider = getattr(status, "mailplus_provider", "")
    notes = tuple(
        ProviderNote(
            provider=provider,
            external_id=_external_id(recipient),
            address=address,
            status=str(getattr(recipient, "status", None) or ""),
        )
        for address, recipient in told.items()
    )
    if not any(note.external_id for note in notes):
        return ()
    if len({(note.external_id, note.status) for note in notes}) == 1:
        return (replace(notes[0], address=""),)
    return notes


def _recipients(status: Any) -> Mapping[str, Any]:
    recipients = getattr(status, "recipients", None)
    return recipients if isinstance(recipients, Mapping) else {}


def _external_id(recipient: Any) -> str:
    """As text: that of some providers is a number indeed."""
    number = getattr(recipient, "message_id", None)
    return "" if number is None else str(number)


def known_result(message: EmailMessage) -> DeliveryResult | None:
    """What one of our backends said of a message; else what a provider's API did.

    Of that a status that says nothing bad, such as "sent" or "queued", is an acceptance.
    """
    if result := get_result(message):
        return result
    status: Any = getattr(message, "anymail_status", None)
    if not (recipients := _recipients(status)):
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
