"""Mails into the outbox by name, and the states they are in."""

from __future__ import annotations

from django.core.mail import EmailMessage

from django_mailplus.compat import get_mailer
from django_mailplus.outbox.models import OutboxMessage

__all__ = ["send", "states"]


def send(*names):
    get_mailer("default").send_messages(
        [
            EmailMessage(name, name, "ann@example.com", [f"{name}@b.org"])
            for name in names
        ]
    )


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("state", flat=True))
