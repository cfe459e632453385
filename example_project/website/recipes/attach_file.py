"""Everyday task: an attachment from a file."""

from __future__ import annotations

from pathlib import Path

from django_mailplus.mail import EmailMessage

PRICE_LIST = Path(__file__).parent.parent / "files" / "price-list.pdf"


def send_file(recipient: str) -> int:
    message = EmailMessage(
        "Our price list",
        "You asked for it.",
        to=[recipient],
    )
    message.attach_file(str(PRICE_LIST))
    return message.send()
