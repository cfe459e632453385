"""Everyday task: carbon copies, a Reply-To and headers of one's own."""

from __future__ import annotations

from django_mailplus.mail import EmailMessage


def send_with_copies(recipient: str) -> int:
    message = EmailMessage(
        "Your order 2041",
        "Thank you. Reply to this mail if anything should change.",
        to=[recipient],
        cc=["gift-for@example.com"],
        bcc=["archive@example.com"],
        reply_to=["Orders <orders@example.com>"],
        headers={"Auto-Submitted": "auto-generated", "X-Order": "2041"},
    )
    return message.send()
