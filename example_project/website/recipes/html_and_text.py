"""Everyday task: HTML and plain text, both from templates."""

from __future__ import annotations

from django.template.loader import render_to_string

from django_mailplus.mail import EmailMultiAlternatives


def send_html_and_text(recipient: str) -> int:
    order = {
        "number": 2041,
        "lines": [
            ("Sencha, 100 g", "8.50"),
            ("Lapsang & smoke, 50 g", "6.20"),
        ],
        "total": "14.70",
    }
    message = EmailMultiAlternatives(
        f"Your order {order['number']}",
        render_to_string("website/mail/order.txt", {"order": order}),
        to=[recipient],
    )
    html = render_to_string("website/mail/order.html", {"order": order})
    message.attach_alternative(html, "text/html")
    return message.send()
