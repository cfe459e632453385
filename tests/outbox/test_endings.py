"""What is told of a mail that came to an end, and of each of its recipients, is true."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import OperationalError
from django.db.models import F
from django.utils import timezone
from outbox.mailing import states

from django_mailplus import mail
from django_mailplus.backends.base import WrapperBackend
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Payload,
    Recipient,
)
from django_mailplus.outbox.rows import claims, reaping
from django_mailplus.outbox.sending import lane as lanes
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.outbox.states import State
from django_mailplus.signals import outbox_failed

pytestmark = pytest.mark.django_db(transaction=True)


def send(*names, **options):
    """One mail to all of them."""
    to = [f"{name}@b.org" for name in names]
    mail.mailers["default"].send_messages(
        [EmailMessage("Hi", "Hi", "ann@b.org", to, **options)]
    )


def drain():
    OutboxMessage.objects.filter(state="queued").update(
        due_at=timezone.now() - timedelta(seconds=1)
    )
    Worker(["smtp"]).run(drain=True)


def every_mail():
    return OutboxMessage.objects.all()


def fates():
    found = Recipient.objects.values_list("address", "state")
    return {address.partition("@")[0]: state for address, state in found}


def show():
    out = io.StringIO()
    call_command("mailqueue", "show", str(OutboxMessage.objects.get().pk), stdout=out)
    return out.getvalue()


@pytest.fixture
def half_sent(outbox, mail_server):
    """Bob has got it, Carol waits."""

    def half_sent(**options):
        outbox(dispatch="worker", **options)
        send("bob", "carol")
        mail_server.replies["rcpt"] = {"<carol": "450 4.2.0 later", "": "250 ok"}
        drain()
        assert fates() == {"bob": "sent", "carol": "queued"}
        mail_server.replies["rcpt"] = "250 ok"

    return half_sent


# --- Cancelled -----------------------------------------------------------------------


@pytest.mark.parametrize("held", [False, True])
def test_what_some_have_got_when_it_is_cancelled(half_sent, mail_server, held):
    half_sent()
    if held:
        transitions.hold(every_mail())
    assert transitions.cancel(every_mail()) == 1
    assert states() == ["partial"]
    assert fates() == {"bob": "sent", "carol": "cancelled"}
    assert OutboxMessage.objects.get().finalised_at is not None
    drain()
    assert len(mail_server.taken) == 1
    # What the others have not got they can have still, and they alone.
    assert transitions.retry(every_mail()) == 1
    drain()
    assert states() == ["sent"]
    assert mail_server.taken[-1].recipients == ["carol@b.org"]


@pytest.mark.parametrize(
    ("settled", "state"),
    [
        ("queued", "cancelled"),
        ("failed", "cancelled"),
        ("suppressed", "cancelled"),
        ("unknown", "unknown"),
    ],
)
def test_a_mail_that_nobody_has_got_for_sure_is_cancelled(half_sent, settled, state):
    half_sent()
    Recipient.objects.filter(state="sent").update(state=settled)
    assert transitions.cancel(every_mail()) == 1
    assert states() == [state]
    kept = "cancelled" if settled == "queued" else settled
    assert fates() == {"bob": kept, "carol": "cancelled"}


# --- Of workers that are gone --------------------------------------------------------


def let_its_worker_die():
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    [claim] = claims.claim("smtp", 1, worker="two", lease=60.0)
    OutboxMessage.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert reaping.reap() == 1
    return claim


def test_nobody_is_told_the_reason_of_an_earlier_try(half_sent):
    half_sent(on_unknown="hold")
    assert OutboxMessage.objects.exclude(code=None).exclude(text="").exists()
    let_its_worker_die()
    row, carol = (
        OutboxMessage.objects.get(),
        Recipient.objects.get(address="carol@b.org"),
    )
    assert row.state == "unknown"
    assert fates() == {"bob": "sent", "carol": "unknown"}
    last = Attempt.objects.order_by("pk").last()
    for told in (row, carol, last):
        assert (told.code, told.enhanced) == (None, "")
        assert "ended" in told.text
    assert "Handed over" in show()


def test_nor_where_it_is_tried_again(half_sent, mail_server):
    half_sent()
    let_its_worker_die()
    row = OutboxMessage.objects.get()
    assert (row.state, row.code) == ("queued", None)
    assert fates() == {"bob": "sent", "carol": "queued"}
    drain()
    assert states() == ["sent"]
    assert mail_server.taken[-1].recipients == ["carol@b.org"]


def test_who_comes_back_has_recorded_nothing(half_sent):
    half_sent(on_unknown="hold")
    claim = let_its_worker_die()
    verdict = lanes.Verdict(state=State.FAILED, outcome="permanent", code=550)
    assert lanes.recording.record([(claim, verdict)]) == {}
    assert Attempt.objects.filter(worker="two").count() == 2  # it was made


# --- Retried by people ---------------------------------------------------------------


class Moody(BaseEmailBackend):
    """Sends nothing, and does not say why."""

    def send_messages(self, email_messages):
        return 0


def test_a_mail_that_starts_again_has_as_many_tries_as_at_first(with_mailers):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker"},
            },
            "smtp": {"BACKEND": f"{__name__}.Moody"},
        }
    )
    send("bob")
    for _ in range(2):
        waits = []
        for _ in range(3):
            assert states() == ["queued"]
            drain()
            row = OutboxMessage.objects.get()
            waits.append((row.due_at - timezone.now()).total_seconds())
        assert waits[0] <= 30 < waits[1] <= 120
        assert states() == ["failed"]
        assert transitions.retry(every_mail()) == 1
    assert Attempt.objects.count() == 6


def test_a_first_try_may_find_who_has_got_it(half_sent, mail_server):
    half_sent()
    Recipient.objects.filter(state="queued").update(state="failed")
    OutboxMessage.objects.update(state="partial")
    assert transitions.retry(every_mail()) == 1
    mail_server.replies["rcpt"] = "450 4.2.0 later"
    drain()
    row = OutboxMessage.objects.get()
    assert (row.state, row.attempts) == ("queued", 1)
    assert row.due_at < timezone.now() + timedelta(seconds=61)  # greylisted, perhaps
    assert fates() == {"bob": "sent", "carol": "queued"}
    assert len(mail_server.taken) == 1


def test_requeued_means_everybody(half_sent, mail_server):
    half_sent()
    OutboxMessage.objects.update(state="partial")
    assert transitions.requeue(every_mail()) == 1
    drain()
    assert states() == ["sent"]
    assert mail_server.taken[-1].recipients == ["bob@b.org", "carol@b.org"]


# --- Time ----------------------------------------------------------------------------


def test_waiting_for_a_newer_worker_takes_none_of_its_time(outbox, mail_server):
    outbox(dispatch="worker", max_age=100)
    send("bob")
    payload = Payload.objects.get()
    assert '"v": 1,' in payload.document
    payload.document = payload.document.replace('"v": 1,', '"v": 999,')
    payload.save()
    past = {name: F(name) - timedelta(minutes=2) for name in ("due_at", "give_up_at")}
    for _ in range(3):
        OutboxMessage.objects.update(**past)
        Worker(["smtp"]).run(drain=True)
        row = OutboxMessage.objects.get()
        assert (row.state, row.attempts) == ("queued", 0)
        assert row.due_at > timezone.now() + timedelta(seconds=50)
        assert (row.give_up_at - row.due_at).total_seconds() == pytest.approx(
            100, abs=5
        )


# --- Handed over ---------------------------------------------------------------------


def expire():
    OutboxMessage.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def damage():
    Payload.objects.update(document="{}")


@pytest.mark.parametrize(("what", "state"), [(expire, "expired"), (damage, "failed")])
def test_what_never_left_was_not_handed_over(outbox, mail_server, what, state):
    outbox(dispatch="worker")
    send("bob")
    what()
    drain()
    assert states() == [state]
    assert mail_server.taken == []
    assert "Handed over" not in show()


class Spoiling(WrapperBackend):
    """Makes of every message one that cannot be written."""

    def prepare(self, message):
        message.extra_headers["X-Spoilt"] = "a\nb"
        return message


@pytest.mark.parametrize(
    ("kind", "state"),
    [("example_backends.Listed", "suppressed"), (f"{__name__}.Spoiling", "failed")],
)
def test_nor_what_a_mailer_kept_back_or_could_not_write(
    outbox, mail_server, settings, with_mailers, kind, state
):
    outbox()
    box = {"using": "way", "dispatch": "worker"}
    with_mailers(
        {
            "default": {**settings.MAILERS["default"], "OPTIONS": box},
            "way": {"BACKEND": kind, "OPTIONS": {"using": "smtp"}},
            "smtp": settings.MAILERS["smtp"],
        }
    )
    send("bob")
    Worker(["way"]).run(drain=True)
    assert states() == [state]
    assert mail_server.taken == []
    assert "Handed over" not in show()


def test_what_a_server_took_or_refused_was(outbox, mail_server):
    outbox(dispatch="worker")
    send("bob")
    mail_server.replies["rcpt"] = "550 5.1.1 no"
    drain()
    assert states() == ["failed"]
    assert "Handed over" in show()


# --- An answer that was lost ---------------------------------------------------------


def test_a_commit_whose_answer_was_lost_is_told_once(outbox, mail_server, monkeypatch):
    outbox(dispatch="worker")
    send("bob")
    mail_server.replies["rcpt"] = "550 5.1.1 no"
    real, lost, heard = lanes.exchange, [], []

    def lossy(told, **options):
        answer = real(told, **options)
        if told and not lost:
            lost.append(1)
            raise OperationalError("server closed the connection unexpectedly")
        return answer

    def listen(mail, **_):
        heard.append(mail.state)

    monkeypatch.setattr(lanes, "exchange", lossy)
    outbox_failed.connect(listen)
    try:
        Worker(["smtp"], poll=0.01).run(drain=True)
    finally:
        outbox_failed.disconnect(listen)
    assert lost
    assert states() == heard == ["failed"]
    assert Attempt.objects.count() == 1
