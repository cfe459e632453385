"""Rows of the outbox without a mail in them, for tests of what happens to rows."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from django_mailplus.outbox.clock import DatabaseNow as Now
from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.models import OutboxMessage, Payload
from django_mailplus.outbox.states import State

__all__ = ["ACCEPTED", "let_leases_end", "row", "states", "store"]

ACCEPTED = Verdict(state=State.SENT, outcome="accepted", code=250, text="ok")


def store(count=1, **values):
    mails = [
        OutboxMessage(
            **{
                "mailer": "smtp",
                "due_at": Now(),
                "give_up_at": timezone.now() + timedelta(days=1),
                "mail_from": "ann@example.com",
                "recipients": ["bob@example.com"],
                **values,
            }
        )
        for _ in range(count)
    ]
    OutboxMessage.objects.bulk_create(mails)
    Payload.objects.bulk_create(Payload(mail=mail, document="{}") for mail in mails)
    return mails


def let_leases_end():
    OutboxMessage.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def row(mail):
    return OutboxMessage.objects.get(pk=mail.id)


def states():
    return sorted(OutboxMessage.objects.values_list("state", flat=True))
