"""From what a server answered to the result that a message carries."""

from __future__ import annotations

import smtplib

from django.core.mail import EmailMessage

from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    classify,
    set_result,
)
from django_mailplus.outbox.judging.providers import known_result
from django_mailplus.smtp.replies import Reply
from django_mailplus.smtp.transaction import Transaction

__all__ = ["carry_result", "in_words", "result_of"]


def result_of(
    addresses: tuple[str, ...],
    transaction: Transaction,
    *,
    mailer: str | None,
    seconds: float,
) -> DeliveryResult:
    """What a transaction came to for the addresses of a message, however far it went."""
    reply = transaction.reply
    asked = transaction.asked or addresses  # as on the wire: without names, in IDNA
    return DeliveryResult(
        recipients=tuple(
            _recipient(address, transaction.answers.get(on_wire), transaction)
            for address, on_wire in zip(addresses, asked, strict=True)
        ),
        code=reply.code if reply else None,
        enhanced=reply.enhanced if reply else "",
        text=reply.text if reply else "",
        message_id=transaction.message_id,
        mailer=mailer,
        seconds=seconds,
    )


def carry_result(copied: EmailMessage, original: EmailMessage) -> None:
    """From what was sent to what was given; what a provider's API said comes along."""
    set_result(original, known_result(copied))
    if (status := getattr(copied, "anymail_status", None)) is not None:
        original.anymail_status = status  # type: ignore[attr-defined]


def _recipient(
    address: str, answer: Reply | None, transaction: Transaction
) -> RecipientResult:
    """The fate of one recipient: its own refusal, else what befell the message."""
    deciding, kind, own = transaction.reply, transaction.kind, False
    if answer is not None and (answer.kind != "accepted" or kind == "accepted"):
        deciding, own = answer, True
        # A reply that makes no sense, before the body was sent: not taken, so far.
        kind = "transient" if answer.kind == "unknown" else answer.kind
    return RecipientResult(
        address=address,
        kind=kind,
        code=deciding.code if deciding else None,
        enhanced=deciding.enhanced if deciding else "",
        text=deciding.text if deciding else "The connection broke",
        own=own,
    )


def in_words(result: DeliveryResult, error: Exception | None) -> str:
    """Why it was not accepted by all, for the log: numbers and classes, no texts."""
    count = f"{len(result.refused)} of {len(result.recipients)} recipients"
    if error is None or any(r.code is not None for r in result.recipients):
        return f"not accepted for {count}"
    kind = type(error).__name__
    match classify(error):
        case "mailer" if isinstance(error, smtplib.SMTPResponseException):
            return (
                f"not sent: the server refused the session ({kind} {error.smtp_code})"
            )
        case "mailer":
            can = "reached" if isinstance(error, OSError) else "used"
            return f"not sent: the mailer could not be {can} ({kind})"
        case "unknown":
            return f"perhaps sent: the answer was lost for {count} ({kind})"
    return f"not sent: {kind} in this message, or in one before it"
