"""Everyday task: one mailer for receipts, another for the newsletter."""

from __future__ import annotations

from django_mailplus.mail import send_mail


def send_with_two_mailers(recipient: str) -> int:
    receipts = send_mail(
        "Your receipt",
        "Paid, thank you.",
        None,
        [recipient],
    )
    newsletters = send_mail(
        "The spring harvest",
        "First flush is here.",
        None,
        [recipient],
        using="newsletter",
    )
    return receipts + newsletters
