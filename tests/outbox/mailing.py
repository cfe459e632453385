"""Mails into the outbox by name, the states they are in, and somebody else who works on them."""

from __future__ import annotations

import threading

import pytest
from django.core.mail import EmailMessage
from django.db import connection

from django_mailplus.compat import get_mailer
from django_mailplus.outbox.models import OutboxMessage

__all__ = ["in_thread", "send", "states"]


def send(*names):
    get_mailer("default").send_messages(
        [
            EmailMessage(name, name, "ann@example.com", [f"{name}@b.org"])
            for name in names
        ]
    )


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("state", flat=True))


def in_thread(function):
    """What it returns, over a connection of its own."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory has one connection")
    found = []

    def run():
        try:
            found.append(function())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    return found[0]
