"""From what a server answered to the result that a message carries."""

from __future__ import annotations

from django.core.mail import EmailMessage

from django_mailplus.delivery import DeliveryResult, RecipientResult
from django_mailplus.message.envelope import envelope_of
from django_mailplus.smtp.replies import Reply
from django_mailplus.smtp.transaction import Transaction

__all__ = ["result_of"]


def result_of(
    message: EmailMessage,
    transaction: Transaction,
    *,
    mailer: str | None,
    seconds: float,
) -> DeliveryResult:
    """What a transaction came to, however far it went."""
    reply = transaction.reply
    addresses = envelope_of(message).rcpt_to
    asked = transaction.asked  # as on the wire: without names, in IDNA
    # None were asked, or recipients() answers anew each time.
    if len(asked) != len(addresses):
        asked = addresses
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


def _recipient(
    address: str, answer: Reply | None, transaction: Transaction
) -> RecipientResult:
    """The fate of one recipient: its own refusal, else what befell the message."""
    deciding, kind = transaction.reply, transaction.kind
    if answer is not None and (answer.kind != "accepted" or kind == "accepted"):
        deciding = answer
        # A reply that makes no sense, before the body was sent: not taken, so far.
        kind = "transient" if answer.kind == "unknown" else answer.kind
    return RecipientResult(
        address=address,
        kind=kind,
        code=deciding.code if deciding else None,
        enhanced=deciding.enhanced if deciding else "",
        text=deciding.text if deciding else "The connection broke",
    )
