"""How the outbox says it is doing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from outbox.mailing import send, states

from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.mailers import pausing, stranding
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.outbox.states import State
from django_mailplus.outbox.status import read_status, sent_per_minute

pytestmark = pytest.mark.django_db

OUTBOX = {
    "default": {
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {"using": "smtp", "dispatch": "worker"},
    },
    "smtp": {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 9},
    },
}


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


def test_mails_of_a_mailer_that_no_outbox_sends_through(with_mailers, caplog):
    with_mailers(OUTBOX)
    store(2)
    store(2, mailer="old")
    store(1, mailer="old", state=State.HELD)
    store(1, mailer="old", state=State.SENT, finalised_at=timezone.now())
    found = {mailer.alias: mailer.stranded for mailer in read_status().mailers}
    assert found == {"old": 3, "smtp": 0}
    stranding.warn()
    [told] = caplog.messages
    assert "3 mails wait for the mailer 'old'" in told


def test_a_mailer_that_sends_for_itself_strands_its_mails(with_mailers):
    with_mailers({"smtp": OUTBOX["smtp"]})
    store(1)
    assert stranding.find() == {"smtp": 1}
    assert "there are: none" in stranding.explain("smtp", 1)


def test_moved_to_another_mailer_they_are_sent(outbox, mail_server):
    outbox(dispatch="worker")
    send("a", "b", "c")
    OutboxMessage.objects.update(mailer="old")
    held = OutboxMessage.objects.earliest("id").pk
    OutboxMessage.objects.filter(pk=held).update(state=State.HELD)
    Worker(["smtp"]).run(drain=True)
    assert mail_server.taken == []
    old = OutboxMessage.objects.filter(mailer="old")
    assert transitions.move(old, "smtp") == 3
    Worker(["smtp"]).run(drain=True)
    assert states() == ["held", "sent", "sent"]
    assert not stranding.find()


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
