"""Everyday task: an attachment made on the spot."""

from __future__ import annotations

import csv
import io

from django_mailplus.mail import EmailMessage


def send_attachment(recipient: str) -> int:
    table = io.StringIO()
    csv.writer(table).writerows(
        [
            ("tea", "grams", "price"),
            ("Sencha", 100, "8.50"),
            ("Rooibos", 250, "9.90"),
        ]
    )

    message = EmailMessage(
        "Your orders in November",
        "As a table.",
        to=[recipient],
    )
    message.attach("orders.csv", table.getvalue(), "text/csv")
    return message.send()
