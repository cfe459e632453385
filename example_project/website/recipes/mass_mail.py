"""Everyday task: many mails over one connection."""

from __future__ import annotations

from django_mailplus.mail import send_mass_mail


def send_newsletter(recipient: str) -> int:
    subject = "The spring harvest"
    text = "First flush is here."
    subscribers = [recipient, "ada@example.com", "grace@example.com"]
    return send_mass_mail(
        [(subject, text, None, [subscriber]) for subscriber in subscribers]
    )
