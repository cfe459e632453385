"""A worker among the slow, the silent and the damaged: what they cost the others."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from django_mailplus import mail
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.mailers.configured import Sending
from django_mailplus.outbox.models import Blob, OutboxMessage, Recipient
from django_mailplus.outbox.rows import reaping
from django_mailplus.outbox.sending import lane as lanes
from django_mailplus.outbox.sending.lane import Lane
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.signals import outbox_failed, outbox_partly_refused, outbox_sent

pytestmark = pytest.mark.django_db(transaction=True)

_asked, _answer = threading.Event(), threading.Event()


class Silent(BaseEmailBackend):
    """Takes a message and never says what became of it."""

    def send_messages(self, email_messages):
        _asked.set()
        _answer.wait()
        return len(email_messages)


def letter(**fields):
    return EmailMessage("Hi", "Hi", "ann@b.org", **{"to": ["bob@b.org"], **fields})


def send(*letters):
    mail.mailers["default"].send_messages(list(letters))


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("state", flat=True))


def make_due():
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def heard():
    """What the signals of the outbox told, in its order."""
    heard = []

    def note(signal, mail, **_):
        name = {
            outbox_sent: "sent",
            outbox_failed: "failed",
            outbox_partly_refused: "partly refused",
        }[signal]
        heard.append((name, mail.state))

    signals = (outbox_sent, outbox_failed, outbox_partly_refused)
    for signal in signals:
        signal.connect(note)
    yield heard
    for signal in signals:
        signal.disconnect(note)


def test_leases_are_kept_between_the_receivers_of_a_signal(outbox, monkeypatch):
    outbox(dispatch="worker")
    send(*(letter() for _ in range(5)))
    kept = []
    keep = Lane._keep

    def count(lane):
        kept.append(lane)
        keep(lane)

    monkeypatch.setattr(Lane, "_keep", count)
    seen = []

    def receive(mail, **_):
        seen.append(len(kept))

    outbox_sent.connect(receive)
    try:
        Worker(["smtp"]).run(drain=True)
    finally:
        outbox_sent.disconnect(receive)
    assert len(seen) == 5
    assert all(later > before for before, later in pairwise(seen))


def test_a_backend_that_never_answers_is_not_waited_for_for_ever(
    with_mailers, monkeypatch, caplog
):
    monkeypatch.setattr(lanes, "_ANSWER", 0.3)
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "silent", "dispatch": "worker"},
            },
            "silent": {"BACKEND": f"{__name__}.Silent"},
        }
    )
    send(letter())
    _asked.clear()
    _answer.clear()

    def stop_once_asked(progress):
        if _asked.is_set():
            worker.stop.set()

    worker = Worker(["silent"], lease=0.1, poll=0.01, on_turn=stop_once_asked)
    with caplog.at_level(logging.ERROR, logger="django_mailplus"):
        worker.run()
    _answer.set()
    assert "No answer for 1 mails" in caplog.text
    [left] = OutboxMessage.objects.all()
    assert left.state == "sending"
    assert left.lease_until < timezone.now() + timedelta(seconds=0.1)


class StorageError(Exception):
    """As of a storage whose errors are no OSErrors."""


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (StorageError("try again"), "queued"),
        (ConnectionResetError(), "queued"),
        (FileNotFoundError(), "failed"),
        (Blob.DoesNotExist(), "failed"),
    ],
)
def test_attachments_that_cannot_be_had(outbox, monkeypatch, error, state):
    def fail(digest):
        raise error

    outbox(dispatch="worker")
    send(letter(attachments=[("a.bin", b"x" * 5_000, "application/octet-stream")]))
    monkeypatch.setattr("django_mailplus.outbox.rows.blobs.load", fail)
    Worker(["smtp"]).run(drain=True)
    assert states() == [state]


def test_a_mail_that_all_refused_and_then_all_took(outbox, mail_server):
    """No word of the refusal is left, neither of the mail nor of the recipients."""
    outbox(dispatch="worker")
    send(letter(to=["bob@b.org", "carol@b.org"]))
    mail_server.replies["rcpt"] = {"<bob": "550 5.1.1 no", "": "450 4.2.0 later"}
    Worker(["smtp"]).run(drain=True)
    mail_server.replies["rcpt"] = "550 5.1.1 gone"
    make_due()
    Worker(["smtp"]).run(drain=True)
    assert states() == ["failed"]
    assert set(Recipient.objects.values_list("state", flat=True)) == {"failed"}
    transitions.retry(OutboxMessage.objects.all())
    mail_server.replies["rcpt"] = "250 ok"
    Worker(["smtp"]).run(drain=True)
    [row] = OutboxMessage.objects.all()
    assert (row.state, row.code) == ("sent", 250)
    fates = Recipient.objects.values_list("state", "code")
    assert list(fates) == [("sent", 250)] * 2


def test_who_is_told_of_a_mail_that_some_had_got_when_it_expired(
    outbox, mail_server, heard
):
    outbox(dispatch="worker")
    send(letter(to=["bob@b.org", "carol@b.org"]))
    mail_server.replies["rcpt"] = {"<carol": "450 4.2.0 later", "": "250 ok"}
    Worker(["smtp"]).run(drain=True)
    make_due()
    OutboxMessage.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    Worker(["smtp"]).run(drain=True)
    assert heard == [("partly refused", "partial")]
    assert dict(Recipient.objects.values_list("address", "state")) == {
        "bob@b.org": "sent",
        "carol@b.org": "expired",
    }


def test_what_was_taken_from_a_worker_does_not_leave_any_more(
    outbox, mail_server, monkeypatch
):
    """It was stopped for long, woke, and renewed what it still had."""
    outbox(dispatch="worker")
    send(letter(to=["bob@b.org"]), letter(to=["carol@b.org"]))
    lane = Lane("smtp", Sending(lease=3_600.0), worker="one")
    with monkeypatch.context() as patch:
        patch.setattr(lanes.Lane, "_begin", lambda lane: None)
        lane.turn(room=9)
    first, second = lane._backlog
    an_hour = timedelta(hours=1)
    past = {"lease_until": timezone.now() - an_hour}
    OutboxMessage.objects.filter(pk=first.mail.id).update(**past)
    assert reaping.reap() == 1
    for claimed in lane._backlog:
        claimed.since -= 3_000.0
    lane._renewed -= 3_000.0
    lane._keep()
    lane.turn(room=0)
    lane.close()
    assert mail_server.taken == []
    assert states() == ["queued", "queued"]
    assert OutboxMessage.objects.get(pk=second.mail.id).attempts == 0


def test_a_paused_mailer_with_a_rate_ends_a_drain(outbox, mail_server):
    outbox(dispatch="worker", rate="10/s")
    mail_server.replies["banner"] = "554 5.3.2 closed"
    send(*(letter() for _ in range(5)))
    Worker(["smtp"]).run(drain=True)
    assert states() == ["queued"] * 5
