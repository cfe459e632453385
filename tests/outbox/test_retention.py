"""What is over goes at its time; what is yet to be sent stays, whatever its age."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta

import pytest
from django.core.files.storage import Storage
from django.core.mail import EmailMessage
from django.utils import timezone

from django_mailplus.mail import mailers
from django_mailplus.outbox import retention
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.models import (
    Attempt,
    Blob,
    OutboxMessage,
    Payload,
    Recipient,
)
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import storing
from django_mailplus.outbox.sending import worker
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.outbox.states import FINAL, LIVE, State

pytestmark = pytest.mark.django_db


def store(state, *, days=0.0, attached=False, **options):
    message = EmailMessage("Secret", "Hi", "ann@example.com", ["bob@example.com"])
    if attached:
        message.attach("a.bin", b"a" * 50_000, "application/octet-stream")
    [stored] = storing.store([(message, OutboxOptions(**options))], "smtp")
    mail = OutboxMessage.objects.get(pk=stored.id)
    then = timezone.now() - timedelta(days=days)
    over = None if state in LIVE else then
    OutboxMessage.objects.filter(pk=mail.pk).update(
        state=state, created_at=then, finalised_at=over, text="no bob@example.com"
    )
    mail.refresh_from_db()
    Attempt.objects.create(mail=mail, worker="w", mailer="smtp", outcome="accepted")
    Recipient.objects.create(mail=mail, address="bob@example.com", state="sent")
    return mail


def left():
    return set(OutboxMessage.objects.values_list("pk", flat=True))


def counts(**some):
    return Counter(some)


def test_each_state_has_its_time():
    kept = {store(state, days=1_000).pk for state in LIVE}
    gone = {}
    for state in FINAL:
        limit = 90 if state in ("failed", "unknown") else 30
        kept.add(store(state, days=limit - 0.1).pk)
        store(state, days=limit + 0.1)
        gone[str(state)] = 1
    assert Counter(retention.preview().deleted) == counts(**gone)
    assert Counter(retention.prune().deleted) == counts(**gone)
    assert left() == kept
    for model in (Payload, Attempt, Recipient):
        assert model.objects.count() == len(kept)


def test_the_days_can_be_chosen(settings):
    settings.MAILPLUS = {
        "OUTBOX_KEEP_SENT_DAYS": 2,
        "OUTBOX_KEEP_FAILED_DAYS": 10**8,
        "OUTBOX_KEEP_KEYS_DAYS": 10**8,
    }
    store("sent", days=3)
    kept = {store("sent", days=1).pk, store("failed", days=5_000).pk}
    assert Counter(retention.prune().deleted) == counts(sent=1)
    assert left() == kept


@pytest.mark.parametrize(
    ("key", "kept"),
    [("SENT", {"sent", "key"}), ("FAILED", {"failed"}), ("KEYS", {"key"})],
)
def test_what_is_kept_for_ever(settings, key, kept):
    settings.MAILPLUS = {f"OUTBOX_KEEP_{key}_DAYS": None}
    mails = {
        "sent": store("sent", days=10_000),
        "failed": store("failed", days=10_000),
        "key": store("sent", days=10_000, idempotency_key="order 7"),
    }
    retention.light_pass()
    retention.prune()
    assert left() == {mails[name].pk for name in kept}


def test_more_than_one_batch(monkeypatch):
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    for n in range(7):
        store("sent", days=31 + n % 2)
        store("sent", days=31, idempotency_key=f"k{n}")
    pruned = retention.prune()
    assert Counter(pruned.deleted) == Counter(pruned.emptied) == counts(sent=7)
    assert len(left()) == 7


def test_a_key_outlives_its_mail():
    mail = store("sent", days=31, idempotency_key="order 7", attached=True)
    pruned = retention.prune()
    assert (Counter(pruned.deleted), Counter(pruned.emptied)) == (
        counts(),
        counts(sent=1),
    )
    assert pruned.contents == 1
    mail.refresh_from_db()
    assert (mail.recipients, mail.subject, mail.mail_from) == ([], "", "")
    assert (mail.message_id, mail.text) == ("", "")
    assert mail.state == "sent"
    for model in (Payload, Attempt, Recipient, Blob):
        assert not model.objects.exists()
    assert Counter(retention.preview().emptied) == counts()
    assert Counter(retention.prune().emptied) == counts()
    again = EmailMessage("Secret", "Hi", "ann@example.com", ["bob@example.com"])
    options = OutboxOptions(idempotency_key="order 7")
    [stored] = storing.store([(again, options)], "smtp")
    assert (stored.id, stored.is_new) == (mail.pk, False)
    everything = OutboxMessage.objects.all()
    assert transitions.retry(everything) == transitions.requeue(everything) == 0


def test_a_key_goes_when_its_own_time_is_over():
    store("sent", days=91, idempotency_key="order 7")
    assert Counter(retention.prune().deleted) == counts(sent=1)
    assert left() == set()


def test_contents_go_with_the_last_mail():
    store("sent", days=31, attached=True)
    kept = store("sent", attached=True)
    assert retention.prune().contents == 0
    OutboxMessage.objects.filter(pk=kept.pk).update(
        finalised_at=timezone.now() - timedelta(days=31)
    )
    assert retention.prune().contents == 1
    assert not Blob.objects.exists()


def test_a_mail_wanted_back_since_it_was_chosen_stays(monkeypatch):
    mail = store("failed", days=91)
    delete = retention._delete

    def late(some, state):
        transitions.retry(OutboxMessage.objects.filter(pk__in=some))
        return delete(some, state)

    monkeypatch.setattr(retention, "_delete", late)
    assert Counter(retention.prune().deleted) == counts()
    mail.refresh_from_db()
    assert (mail.state, mail.payload.pk) == (State.QUEUED, mail.pk)


def test_erase_takes_what_a_mail_says_and_nothing_of_those_to_be_sent():
    over = [store(state) for state in FINAL]
    for state in LIVE:
        store(state)
    assert retention.erase(OutboxMessage.objects.all()) == len(FINAL)
    assert retention.erase(OutboxMessage.objects.all()) == 0
    assert set(Payload.objects.values_list("mail__state", flat=True)) == set(LIVE)
    assert len(left()) == len(FINAL) + len(LIVE)
    assert transitions.requeue(OutboxMessage.objects.all()) == 0
    assert {mail.subject for mail in over} == {"Secret"}


def test_what_is_sensitive_is_erased_even_if_its_sender_died_before():
    store("sent", sensitive=True)
    kept = [store("failed", sensitive=True), store("sent"), store("queued")]
    assert retention.light_pass() == 1
    said = set(Payload.objects.values_list("pk", flat=True))
    assert said == {mail.pk for mail in kept}
    store("cancelled", sensitive=True, days=3)
    retention.prune()
    assert set(Payload.objects.values_list("pk", flat=True)) == said


def test_a_light_pass_does_no_more_than_it_was_told():
    for n in range(4):
        store("sent", days=31 + n)
        store("failed", days=91 + n)
        store("cancelled", days=31, idempotency_key=f"k{n}")
    done = [retention.light_pass(5) for _ in range(4)]
    assert done == [5, 5, 2, 0]
    assert len(left()) == 4


def test_what_a_sensitive_mail_had_attached_goes_with_the_next_light_pass(
    outbox, mail_server
):
    outbox(dispatch="worker")
    secret = EmailMessage("Code", "123456", "ann@example.com", ["bob@example.com"])
    secret.attach("code.bin", b"1" * 50_000, "application/octet-stream")
    secret.outbox = {"sensitive": True}
    mailers["default"].send_messages([secret])
    kept = store("failed", sensitive=True, attached=True)
    Worker(["smtp"]).run(drain=True)
    assert set(Payload.objects.values_list("pk", flat=True)) == {kept.pk}
    assert Blob.objects.count() == 2
    retention.light_pass()
    assert Blob.objects.get() == kept.payload.blobs.get()


class Grumpy(Storage):
    def listdir(self, path):
        raise ConnectionError("secret words")


def test_a_storage_that_fails_keeps_nobody_from_their_work(settings, caplog):
    path = f"{__name__}.Grumpy"
    settings.STORAGES = {**settings.STORAGES, "mailplus": {"BACKEND": path}}
    store("sent", days=31)
    assert retention.light_pass() == 1
    assert caplog.messages == []
    store("sent", days=31)
    assert Counter(retention.prune().deleted) == counts(sent=1)
    assert caplog.messages == [
        "Files without a mail could not be looked for: ConnectionError"
    ]


def test_workers_that_end_soon_tidy_among_them(monkeypatch):
    old = store("sent", days=60)
    monkeypatch.setattr(worker, "_tidied", time.monotonic() - 3_600)
    for _ in range(2):
        Worker([]).run(drain=True)
    assert old.pk not in left()
