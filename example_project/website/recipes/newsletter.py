"""Everyday task: a newsletter that its readers can leave."""

from __future__ import annotations

from django_mailplus.mail import EmailMessage
from django_mailplus.suppression import preferences_url, unsubscribe_url


def send_leavable_newsletter(recipient: str) -> int:
    message = EmailMessage(
        "The summer harvest",
        "Second flush is here.\n\n"
        f"Unsubscribe:\n{unsubscribe_url(recipient, 'newsletter')}\n\n"
        f"Choose what you get from us:\n{preferences_url(recipient)}\n",
        None,
        [recipient],
    )
    message.stream = "newsletter"  # type: ignore[attr-defined]
    return message.send(using="list")
