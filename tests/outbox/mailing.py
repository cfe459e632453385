"""Mails into the outbox by name, the states they are in, and somebody else who works on them."""

from __future__ import annotations

import threading

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import connection

from django_mailplus.compat import get_mailer
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.sending.worker import Worker

__all__ = ["drain", "in_thread", "mailers", "message", "send", "states"]


def mailers(server, **options):
    return {
        "default": {
            "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
            "OPTIONS": {"using": "smtp", "dispatch": "worker", **options},
        },
        "smtp": {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": {"host": server.host, "port": server.port},
        },
    }


def message(subject="Hello", **options):
    return EmailMultiAlternatives(
        subject,
        "Body",
        "Ann <ann@example.com>",
        ["bob@example.com"],
        cc=["carol@example.com"],
        bcc=["dave@example.com"],
        **options,
    )


def drain(alias="smtp"):
    Worker([alias]).run(drain=True)


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
