"""How the outbox says it is doing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from django_mailplus.outbox import pausing
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.states import State
from django_mailplus.outbox.status import read_status, sent_per_minute

pytestmark = pytest.mark.django_db


def store(count, **values):
    now = timezone.now()
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            **{
                "mailer": "smtp",
                "due_at": now - timedelta(seconds=90),
                "give_up_at": now + timedelta(days=1),
                "mail_from": "ann@example.com",
                "recipients": ["bob@example.com"],
                **values,
            }
        )
        for _ in range(count)
    )


def test_an_empty_outbox():
    status = read_status()
    assert status.mailers == ()
    assert (status.due, status.oldest) == (0, 0.0)
    assert set(status.counts.values()) == {0}
    assert sent_per_minute() == [0] * 60


def test_counts_ages_and_pauses(django_assert_num_queries):
    store(3)
    store(2, state=State.SENT, finalised_at=timezone.now())
    store(1, mailer="other", due_at=timezone.now() + timedelta(hours=1))
    pausing.pause("resting", "SMTPConnectError 421")
    pausing.pause_by_hand("smtp", "maintenance")
    with django_assert_num_queries(3):
        status = read_status()
    other, resting, smtp = status.mailers
    assert (other.due, other.counts) == (0, {State.QUEUED: 1})
    assert (resting.paused, resting.reason) == (True, "SMTPConnectError 421")
    assert (smtp.due, smtp.paused_by_hand, smtp.reason) == (3, True, "maintenance")
    assert 90 <= smtp.oldest < 120
    assert status.due == 3
    assert status.counts[State.SENT] == 2


def test_sends_by_the_minute():
    now = timezone.now()
    store(2, state=State.SENT, finalised_at=now)
    store(5, state=State.SENT, finalised_at=now - timedelta(minutes=10))
    store(9, state=State.FAILED, finalised_at=now)
    store(9, state=State.SENT, finalised_at=now - timedelta(hours=2))
    sent = sent_per_minute()
    assert len(sent) == 60
    minutes_ago = {59 - place: count for place, count in enumerate(sent) if count}
    # One later, if a minute has ended since we looked at the clock.
    assert minutes_ago in ({0: 2, 10: 5}, {1: 2, 11: 5})
