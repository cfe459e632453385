"""What the contact form sends."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from django_mailplus.mail import EmailMessage


def mail_visitor_message(name: str, email: str, subject: str, text: str) -> int:
    """Like Django's mail_managers(), which has no Reply-To, with the visitor's address there.

    The sender stays our own: we may not send in the name of the visitor's domain, and the
    servers of the managers would be right to refuse it (SPF, DMARC).
    """
    message = EmailMessage(
        f"{settings.EMAIL_SUBJECT_PREFIX}{subject}",
        f"{name} <{email}> wrote:\n\n{text}\n",
        settings.SERVER_EMAIL,
        manager_addresses(),
        reply_to=[email],
    )
    return message.send()


def manager_addresses() -> list[str]:
    return _addresses(settings.MANAGERS)


def admin_addresses() -> list[str]:
    return _addresses(settings.ADMINS)


def _addresses(entries: list[Any]) -> list[str]:
    """Django 5.2 has (name, address) pairs in these settings, later versions the addresses."""
    return [entry if isinstance(entry, str) else entry[1] for entry in entries]
