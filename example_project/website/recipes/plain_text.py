"""Everyday task: one plain mail."""

from __future__ import annotations

from django_mailplus.mail import send_mail


def send_plain_text(recipient: str) -> int:
    return send_mail(
        "Your tea is on its way",
        "We handed your parcel to the post office this morning.",
        None,  # the sender is DEFAULT_FROM_EMAIL
        [recipient],
    )
