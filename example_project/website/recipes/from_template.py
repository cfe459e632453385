"""Everyday task: a mail from a template, in HTML and plain text."""

from __future__ import annotations

from website.mails import OrderMail


def send_order(recipient: str) -> int:
    mail = OrderMail(
        to=recipient,
        number=2041,
        teas=[
            ("Sencha, 100 g", "8.50"),
            ("Lapsang & smoke, 50 g", "6.20"),
        ],
        total="14.70",
    )
    return mail.send()
