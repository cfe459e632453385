"""Hints come after the commit, once, and nothing that goes wrong reaches the caller."""

from __future__ import annotations

import io
import logging
import threading
import time

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import transaction
from django.test import TestCase
from outbox.mailing import send, states

from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.dispatch import wakeup
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.rows import claims
from django_mailplus.outbox.sending import draining
from django_mailplus.outbox.sending.streams import open_stream
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.signals import message_sent


@pytest.fixture
def woken(monkeypatch):
    """The mailers for which the hint of `dispatch="thread"` came, in order."""
    found = []
    monkeypatch.setattr(wakeup, "DISPATCH", {**wakeup.DISPATCH, "thread": found.append})
    return found


@pytest.mark.django_db(transaction=True)
class TestTheCommit:
    def test_brings_one_hint_however_many_mails_it_has(self, outbox, woken):
        outbox()
        with transaction.atomic():
            for n in range(5):
                send(f"bob{n}")
            assert woken == []
        assert woken == ["smtp"]
        send("carol")
        assert woken == ["smtp", "smtp"]

    def test_brings_none_after_a_rollback(self, outbox, woken):
        outbox()
        with transaction.atomic():
            send("bob")
            transaction.set_rollback(True)
        assert woken == []
        send("carol")
        assert woken == ["smtp"]

    @pytest.mark.parametrize("first", [True, False])
    def test_brings_one_though_a_savepoint_is_rolled_back(self, outbox, woken, first):
        outbox()
        with transaction.atomic():
            if not first:
                send("bob")
            with transaction.atomic():
                send("carol")
                transaction.set_rollback(True)
            if first:
                send("bob")
        assert woken == ["smtp"]

    def test_brings_one_though_a_hint_was_lost_to_a_callback_that_raised(
        self, outbox, woken
    ):
        outbox()

        @transaction.atomic
        def fail():
            transaction.on_commit(lambda: 1 / 0)
            send("bob")

        with pytest.raises(ZeroDivisionError):
            fail()
        assert woken == []  # Django calls no other callback then
        send("carol")
        assert woken == ["smtp"]

    def test_raises_nothing_when_the_hint_fails(self, outbox, monkeypatch, caplog):
        def fail(alias):
            raise OSError("no broker")

        monkeypatch.setattr(wakeup, "DISPATCH", {**wakeup.DISPATCH, "thread": fail})
        outbox()
        send("bob")
        with transaction.atomic():
            send("carol")
        assert states() == ["queued", "queued"]
        assert [r.levelno for r in caplog.records] == [logging.ERROR] * 2

    def test_of_the_project_itself_is_not_waited_for(self, outbox, woken):
        outbox()
        transaction.set_autocommit(False)
        try:
            send("bob")
            transaction.commit()
        finally:
            transaction.set_autocommit(True)
        assert woken == ["smtp"]
        assert states() == ["queued"]


@pytest.mark.django_db(transaction=True)
class TestPeople:
    """What people order lets mails leave as soon as it is committed."""

    @pytest.mark.parametrize(
        ("verb", "state"),
        [
            (transitions.retry, "queued"),
            (transitions.retry, "failed"),
            (transitions.unhold, "held"),
            (transitions.requeue, "sent"),
        ],
    )
    def test_wake_whoever_sends(self, outbox, woken, verb, state):
        outbox()
        send("bob", "carol")
        woken.clear()
        mails = OutboxMessage.objects.order_by("-pk")  # as the admin has them
        mails.update(state=state)
        with transaction.atomic():
            assert verb(mails) == 2
            assert woken == []
        assert woken == ["smtp"]

    def test_wake_nobody_for_mails_that_stay_where_they_are(self, outbox, woken):
        outbox()
        send("bob")
        mails = OutboxMessage.objects.all()
        mails.update(mailer="other")
        woken.clear()
        for verb in (transitions.hold, transitions.retry, transitions.cancel):
            verb(mails)
        assert transitions.unhold(mails) == 0
        mails.update(state="held")
        assert transitions.unhold(mails) == 1  # of a mailer without an outbox
        assert woken == []

    def test_wake_whoever_sends_for_a_mailer_that_is_resumed(self, outbox, woken):
        outbox()
        pausing.pause_by_hand("smtp", "")
        with transaction.atomic():
            assert transitions.resume("smtp")
            assert woken == []
        assert woken == ["smtp"]
        assert not transitions.resume("smtp")
        assert woken == ["smtp"]

    def test_notify_as_a_mail_does(self, outbox, monkeypatch):
        told = []
        monkeypatch.setattr(wakeup, "_notify", told.append)
        outbox(dispatch="worker", notify=True)
        pausing.pause_by_hand("smtp", "")
        transitions.resume("smtp")
        assert told == ["smtp"]

    def test_send_with_a_command(self, outbox, mail_server):
        outbox()
        pausing.pause_by_hand("smtp", "")
        send("bob")
        assert states() == ["queued"]
        call_command("mailqueue", "hold", "--all", stdout=io.StringIO())
        call_command("mailqueue", "resume", stdout=io.StringIO())
        assert states() == ["held"]
        call_command("mailqueue", "release", "--all", stdout=io.StringIO())
        assert states() == ["sent"]


@pytest.mark.django_db(transaction=True)
class TestInline:
    def test_waits_for_the_outer_commit(self, outbox, mail_server):
        outbox(dispatch="inline")
        with transaction.atomic():
            with transaction.atomic():
                send("bob")
            assert states() == ["queued"]
        assert states() == ["sent"]

    def test_sends_the_mail_of_a_receiver_without_nesting(self, outbox, mail_server):
        outbox(dispatch="inline")
        depths = []

        def tell(message, **_):
            depths.append(draining.is_draining())
            if len(depths) < 5:
                send(f"copy{len(depths)}")

        message_sent.connect(tell)
        try:
            send("bob")
        finally:
            message_sent.disconnect(tell)
        assert states() == ["sent"] * 5
        assert depths == [True] * 5
        assert not draining.is_draining()

    def test_raises_nothing_when_the_server_is_down(self, outbox, mail_server):
        mail_server.replies["banner"] = "554 5.3.2 closed"
        outbox(dispatch="inline")
        send("bob")
        assert states() == ["queued"]

    def test_raises_nothing_when_the_mailer_cannot_be_built(
        self, outbox, monkeypatch, caplog
    ):
        outbox(dispatch="inline")
        backend = get_mailer("default")
        message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@b.org"])
        with monkeypatch.context() as patch:
            patch.setattr(
                "django_mailplus.outbox.sending.lane.get_mailer", lambda alias: 1 / 0
            )
            backend.send_messages([message])
        assert states() == ["queued"]
        assert "came to nothing" in caplog.text
        assert not draining.is_draining()


class TestUnderATestCase(TestCase):
    """The thread would see nothing of the transaction: what it does is done here."""

    @pytest.fixture(autouse=True)
    def _configured(self, outbox):
        outbox()

    def test_nothing_happens_without_a_commit(self):
        send("bob")
        assert states() == ["queued"]

    def test_captured_callbacks_send(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            send("bob")
            send("carol")
        assert states() == ["sent"] * 2
        assert len(callbacks) == 2


@pytest.mark.django_db(transaction=True)
class TestDraining:
    def test_stops_at_the_limit_and_says_so(self, outbox, mail_server):
        outbox(dispatch="worker")
        send(*[f"bob{n}" for n in range(5)])
        done = draining.drain(["smtp"], limit=3)
        assert (done.tried, done.stopped) == (3, True)
        assert draining.look_again_in("smtp", done) == 0
        done = draining.drain(["smtp"], limit=3)
        assert (done.tried, done.stopped) == (2, False)
        assert draining.look_again_in("smtp", done) is None

    def test_looks_once_more_for_what_another_worker_had_locked(
        self, outbox, mail_server, monkeypatch
    ):
        real, calls = claims.claim, []

        def claim(*args, **kwargs):
            calls.append(args)
            return real(*args, **kwargs) if len(calls) > 1 else []

        monkeypatch.setattr(claims, "claim", claim)
        outbox(dispatch="inline")
        send("bob")
        assert states() == ["sent"]

    def test_begins_nothing_after_its_time(self, outbox, mail_server):
        outbox(dispatch="worker")
        send("bob")
        time.sleep(0.001)
        done = draining.drain(["smtp"], seconds=0)
        assert done.stopped
        assert draining.drain(["smtp"]).tried + done.tried == 1

    def test_looks_again_when_a_mail_is_to_be_retried(self, outbox, mail_server):
        mail_server.replies["rcpt"] = "451 4.2.0 later"
        outbox(dispatch="worker")
        send("bob")
        done = draining.drain(["smtp"])
        assert done.retried == 1
        due = seconds_until_due("smtp")
        assert due + 0.9 < draining.look_again_in("smtp", done) < 900
        # Who finds it waiting sends no hint: it would be one more each time.
        assert draining.look_again_in("smtp", draining.drain(["smtp"])) is None

    def test_gives_up_when_the_database_is_in_trouble(
        self, outbox, monkeypatch, mail_server
    ):
        from django.db import DatabaseError

        def fail(*args, **kwargs):
            raise DatabaseError("gone")

        monkeypatch.setattr(draining, "_IN_TROUBLE", 0.0)
        monkeypatch.setattr("django_mailplus.outbox.sending.lane.exchange", fail)
        outbox(dispatch="inline")
        send("bob")
        assert states() == ["queued"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_told_to_drain_ends_when_nothing_is_due(outbox, mail_server):
    outbox(dispatch="worker")
    send("bob")
    worker = Worker(["smtp"], on_turn=lambda progress: worker.draining.set())
    worker.run()
    assert states() == ["sent"]


def test_without_threads_messages_go_one_by_one(outbox, mail_server, monkeypatch):
    outbox(dispatch="worker")

    start = threading.Thread.start

    def refuse(self):
        if threading.current_thread() is not threading.main_thread():
            return start(self)  # of the mail server
        raise RuntimeError("can't create new thread at interpreter shutdown")

    message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@b.org"])
    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", refuse)
        stream = open_stream(lambda: get_mailer("smtp"), 4)
        stream.put(message, lambda: None)
    assert stream.get(1) == (message, None)
    stream.close()


@pytest.mark.parametrize("dispatch", ["thraed", None])
def test_an_unknown_dispatch_is_refused_before_a_mail_is_stored(outbox, dispatch):
    outbox(dispatch=dispatch)
    with pytest.raises(
        InvalidMailer, match=r"MAILERS\['default'\].*'celery', 'inline'"
    ):
        get_mailer("default")
