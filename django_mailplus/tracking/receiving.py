"""The receivers of django-anymail's signals, connected where it is installed.

What they raise its webhooks answer with an error, after which a provider tells the event
again; so the errors of the database are raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_mailplus.conf import setting
from django_mailplus.tracking.joining import METADATA
from django_mailplus.tracking.noting import Told, note

__all__ = ["connect"]

_TAKE_METADATA = frozenset(
    {
        "Amazon SES",
        "Brevo",
        "Mailgun",
        "Mailjet",
        "Mailtrap",
        "Mandrill",
        "Postmark",
        "Resend",
        "SendGrid",
        "SendinBlue",
        "SparkPost",
        "Test",
        "Unisender Go",
    }
)
"""Who takes metadata from django-anymail and gives it back in events."""

_TAKE_OTHER_NAMES_IN_TO = frozenset({"Amazon SES"})

_TAKE_NO_STAMPS = frozenset({"MailerSend", "Mailjet"})
"""Who sets Date and Message-ID alone: Mailjet answers them with error send-0011, MailerSend
takes headers of customers with an enterprise plan only."""


def connect() -> None:
    """To be called with django-anymail among the INSTALLED_APPS; again does no harm."""
    from anymail.signals import post_send, pre_send, tracking

    tracking.connect(_on_event, dispatch_uid="mailplus.tracking")
    post_send.connect(_on_sent, dispatch_uid="mailplus.sent")
    pre_send.connect(_on_sending, dispatch_uid="mailplus.sending")


def _on_sending(sender: object, message: Any, esp_name: str, **kwargs: object) -> None:
    """Make what comes from an outbox or a router one for an API; it is ours to change."""
    mail_id = getattr(message, "mailplus_mail", None)
    _leave_out_headers(message, esp_name, is_stored=mail_id is not None)
    if mail_id is None or esp_name not in _TAKE_METADATA:
        return
    if setting("ANYMAIL_METADATA"):
        metadata = getattr(message, "metadata", None)
        known = metadata if isinstance(metadata, Mapping) else {}
        message.metadata = {**known, METADATA: str(mail_id)}


def _leave_out_headers(message: Any, esp_name: str, *, is_stored: bool) -> None:
    """Those that we gave it and its API refuses, with the mail."""
    refused: list[str] = []
    # To recipients who are tried again. Their API writes To by whom it sends to.
    if esp_name not in _TAKE_OTHER_NAMES_IN_TO:
        refused += getattr(message, "mailplus_kept_headers", ())
    if esp_name in _TAKE_NO_STAMPS:
        stored = ("Date", "Message-ID") if is_stored else ()
        refused += getattr(message, "mailplus_stamps", stored)
    if refused:
        names = {name.lower() for name in refused}
        message.extra_headers = {
            name: value
            for name, value in message.extra_headers.items()
            if name.lower() not in names
        }


def _on_sent(sender: object, status: Any, esp_name: str, **kwargs: object) -> None:
    """Who gave the numbers: the status comes along to whoever records them."""
    status.mailplus_provider = esp_name


def _on_event(sender: object, event: Any, esp_name: str, **kwargs: object) -> None:
    note(
        Told(
            provider=esp_name,
            type=_text(event.event_type),
            external_id=_text(event.message_id),
            address=_text(event.recipient),
            event_id=_text(event.event_id),
            reason=_text(event.reject_reason),
            text=_words(event.description, event.mta_response),
            happened_at=event.timestamp,
            metadata=event.metadata,
            raw=event.esp_event,
        )
    )


def _text(value: object) -> str:
    """Also of a number, as the ids of some providers are."""
    return "" if value is None else str(value)


def _words(*said: object) -> str:
    return " ".join(dict.fromkeys(" ".join(str(each).split()) for each in said if each))
