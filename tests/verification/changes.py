"""Steps of a change of address, which several files of tests take."""

from __future__ import annotations

from django.core import mail
from verification_stage import links_of

from django_mailplus.verification import (
    start_email_change,
)

__all__ = ["BASE", "change", "start"]

BASE = "https://shop.example.com"


def start(user, email="new@example.com"):
    """Ask for a change; the mails by address, as they left."""
    before = len(mail.outbox)
    assert start_email_change(user, email, base_url=BASE).status == "sent"
    return {message.to[0]: links_of(message) for message in mail.outbox[before:]}


def change(user, visitor, email):
    """Go through with a change; the mails by address, as they left."""
    mails = start(user, email)
    visitor.press(mails[email]["change"])
    user.refresh_from_db()
    assert user.email == email
    return mails
