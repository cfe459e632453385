"""What a snapshot gives back where a class of Django's would not send the same."""

from __future__ import annotations

import email
import email.policy
from email.message import Message
from typing import Any, NoReturn

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.compat import MODERN_MIME
from django_mailplus.exceptions import SnapshotError
from django_mailplus.message.related import RelatedEmail

__all__ = ["FinishedMessage", "finished", "with_recipients"]


def _not_there(self: object) -> NoReturn:
    # No AttributeError: whoever asks with a default would send an empty mail.
    raise SnapshotError(
        "A message whose class writes itself comes back from its snapshot as finished "
        "bytes, without body, alternatives or attachments. Send it with a backend that "
        "calls message() or to_bytes(), or let its class leave message() to Django."
    )


class FinishedMessage(EmailMessage):
    """The bytes of a message that wrote itself, and who it goes to."""

    body = property(_not_there)
    alternatives = property(_not_there)
    attachments = property(_not_there)

    def __init__(self, finished: bytes) -> None:
        plain = vars(EmailMessage())
        vars(self).update({name: plain[name] for name in plain if name not in _CONTENT})
        self.mailplus_finished = finished

    def message(self, *, policy: Any = email.policy.default) -> Any:
        """Parsed; written again, the headers stay as they are."""
        if MODERN_MIME:
            return email.message_from_bytes(
                self.mailplus_finished, policy=policy.clone(refold_source="none")
            )
        return _legacy_message(self.mailplus_finished)


_CONTENT = frozenset({"body", "alternatives", "attachments"})


def _legacy_message(data: bytes) -> Message:
    # In Django 6.1 this class is deprecated.
    from django.core.mail.message import MIMEMixin

    class Parsed(MIMEMixin, Message):  # type: ignore[misc]
        """Takes what Django's backends give as_bytes()."""

    policy = email.policy.compat32.clone(max_line_length=None)
    return email.message_from_bytes(data, Parsed, policy=policy)


class _WithRecipients(EmailMessage):
    mailplus_recipients: list[str]

    def recipients(self) -> list[str]:
        return list(self.mailplus_recipients)


class _AddressedMessage(_WithRecipients):
    pass


class _AddressedAlternatives(_WithRecipients, EmailMultiAlternatives):
    pass


class _AddressedRelated(_WithRecipients, RelatedEmail):
    pass


class _AddressedFinished(_WithRecipients, FinishedMessage):
    pass


_ADDRESSED: dict[Any, type[_WithRecipients]] = {
    EmailMessage: _AddressedMessage,
    EmailMultiAlternatives: _AddressedAlternatives,
    RelatedEmail: _AddressedRelated,
    FinishedMessage: _AddressedFinished,
}


def with_recipients(message: EmailMessage, recipients: list[str]) -> EmailMessage:
    """The message of a class that has a recipients() of its own, with their result."""
    addressed: EmailMessage = object.__new__(_ADDRESSED[type(message)])
    vars(addressed).update(vars(message), mailplus_recipients=recipients)
    return addressed


def finished(message: EmailMessage, data: bytes) -> EmailMessage:
    """These bytes in the place of a message, to the same people."""
    carried = FinishedMessage(data)
    for name, value in vars(message).items():
        if name not in _CONTENT and not name.startswith("mailplus_"):
            vars(carried)[name] = value
    return with_recipients(carried, message.recipients())
