"""What is written of a mail whose backend or whose reader does what nobody expects."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.utils import timezone
from outbox.mailing import in_thread, states

from django_mailplus import mail
from django_mailplus.delivery import DeliveryResult, RecipientResult
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.checks import check_database
from django_mailplus.outbox.mailers.configured import Sending
from django_mailplus.outbox.mailers.rates import DatabaseLimiter
from django_mailplus.outbox.models import MailerState, OutboxMessage
from django_mailplus.outbox.rows import claims
from django_mailplus.outbox.sending.carried import clock
from django_mailplus.outbox.sending.lane import Lane
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.rates import Rate

pytestmark = pytest.mark.django_db(transaction=True)


def letter(**fields):
    return EmailMessage("Hi", "Hi", "ann@b.org", **{"to": ["bob@b.org"], **fields})


def send(*letters):
    mail.mailers["default"].send_messages(list(letters))


def make_due():
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.skipif("connection.vendor == 'sqlite'")
def test_a_mail_that_a_worker_claims_while_somebody_marks_it_as_sent(
    outbox, mail_server
):
    outbox(dispatch="worker", concurrency=1)
    send(letter(to=["bob@b.org", "carol@b.org"]))
    mail_server.replies["rcpt"] = {"<carol": "450 4.2.0 later", "": "250 ok"}
    Worker(["smtp"]).run(drain=True)
    assert states() == ["queued"]
    make_due()
    mail_server.replies["rcpt"] = "250 ok"
    before = len(mail_server.taken)
    lane = Lane("smtp", Sending(concurrency=1), worker="one")
    struck = []

    def strike(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if not struck and "recipient" in sql and sql.startswith("UPDATE"):
            struck.append(1)
            # A worker claims it now, and looks for who has got it after our commit.
            struck.append(
                in_thread(lambda: claims.claim("smtp", 1, worker="two", lease=60.0))
            )
        return answer

    with connection.execute_wrapper(strike):
        changed = transitions.mark_sent(OutboxMessage.objects.all())
    claimed = struck[1]
    lane._take_on(claimed, clock())
    lane._begin()
    until = time.monotonic() + 5
    while lane.is_waiting and time.monotonic() < until:
        lane.turn(room=0)
    lane.close()
    assert changed == 1 or mail_server.taken[before:]


class Both(BaseEmailBackend):
    script = []

    def send_messages(self, email_messages):
        step = self.script.pop(0)
        [message] = email_messages
        if isinstance(step, BaseException):
            raise step
        message.delivery_result = DeliveryResult(
            recipients=tuple(
                RecipientResult(address=a, kind=k) for a, k in step.items()
            )
        )
        return 1


@pytest.fixture
def scripted(with_mailers):
    def configure(*steps, **options):
        Both.script = list(steps)
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "plain", "dispatch": "worker", **options},
                },
                "plain": {"BACKEND": f"{__name__}.Both"},
            }
        )

    return configure


def run():
    Worker(["plain"], poll=0.05).run(drain=True)


def run_for(seconds):
    """What a worker raises that would else not end; `_finish` gives up at once."""
    worker = Worker(["plain"], poll=0.05)
    timer = threading.Timer(seconds, worker.stop.set)
    timer.start()
    worker._finish = lambda: None
    try:
        worker.run(drain=True)
    except Exception as error:
        return repr(error)
    finally:
        timer.cancel()


def test_a_mail_that_some_have_got_is_not_simply_failed(scripted):
    scripted({"bob@b.org": "accepted", "carol@b.org": "transient"}, ValueError("no"))
    send(letter(to=["bob@b.org", "carol@b.org"]))
    run()
    make_due()
    run()
    [row] = OutboxMessage.objects.all()
    fates = dict(row.fates.values_list("address", "state"))
    assert (row.state, fates) == (
        "partial",
        {"bob@b.org": "sent", "carol@b.org": "failed"},
    )


def test_a_mail_that_cannot_be_rebuilt_any_more_and_that_some_have_got(scripted):
    scripted({"bob@b.org": "accepted", "carol@b.org": "transient"})
    send(letter(to=["bob@b.org", "carol@b.org"]))
    run()
    make_due()
    row = OutboxMessage.objects.get()
    row.payload.document = "{}"
    row.payload.save()
    run()
    [row] = OutboxMessage.objects.all()
    fates = dict(row.fates.values_list("address", "state"))
    assert (row.state, fates) == (
        "partial",
        {"bob@b.org": "sent", "carol@b.org": "failed"},
    )


def send_silently(_, email_messages):
    """Without results, as many backends do."""
    return len(email_messages)


def test_a_mail_is_not_sent_of_which_somebody_was_refused(scripted, monkeypatch):
    scripted({"bob@b.org": "permanent", "carol@b.org": "transient"})
    send(letter(to=["bob@b.org", "carol@b.org"]))
    run()
    make_due()
    monkeypatch.setattr(Both, "send_messages", send_silently)
    run()
    [row] = OutboxMessage.objects.all()
    fates = dict(row.fates.values_list("address", "state"))
    assert (row.state, fates) == (
        "partial",
        {"bob@b.org": "failed", "carol@b.org": "sent"},
    )


@pytest.mark.parametrize("end", ["expired", "failed"])
def test_what_nobody_knows_of_is_for_a_human_whatever_becomes_of_the_rest(
    scripted, end
):
    scripted(
        {"bob@b.org": "unknown", "carol@b.org": "transient"},
        ValueError("no"),
        on_unknown="hold",
    )
    send(letter(to=["bob@b.org", "carol@b.org"]))
    run()
    assert states() == ["queued"]
    make_due()
    if end == "expired":
        OutboxMessage.objects.update(expires_at=timezone.now())
    run()
    [row] = OutboxMessage.objects.all()
    fates = dict(row.fates.values_list("address", "state"))
    assert (row.state, fates) == (
        "unknown",
        {"bob@b.org": "unknown", "carol@b.org": end},
    )


@pytest.mark.parametrize("odd", ["ca\0rol@b.org", "ca\ud800rol@b.org"])
def test_an_address_that_a_database_cannot_take_stops_nobody(scripted, odd):
    scripted(
        {"bob@b.org": "accepted", odd: "permanent"},
        {"bob@b.org": "accepted"},
    )
    send(letter(to=["bob@b.org", odd]))
    send(letter())
    seen = run_for(4)
    assert seen is None
    assert "sending" not in states()


def test_a_worker_refuses_a_database_that_commits_nothing(scripted, monkeypatch):
    scripted({"bob@b.org": "accepted"})
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    with pytest.raises(ImproperlyConfigured, match="AUTOCOMMIT off"):
        run()
    assert "mailplus.E047" in [found.id for found in check_database()]


def test_a_clock_that_jumps_back_does_not_stop_a_mailer_with_a_rate():
    limiter = DatabaseLimiter({"smtp": Rate.parse("10/s")})
    assert limiter.take(1) == 1
    MailerState.objects.update(
        free_at=timezone.now() + timedelta(hours=1)
    )  # as seen then
    assert limiter.seconds_until_room() < 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset by peer"),  # urllib, at the answer
        json.JSONDecodeError("Expecting value", "<html>", 0),  # of a 2xx
    ],
    ids=repr,
)
def test_what_a_backend_raised_after_it_had_sent(scripted, error):
    """Nobody can tell whether the provider has it: `hold` leaves that to a human."""
    scripted(*[error] * 3, on_unknown="hold")
    send(letter())
    for _ in range(3):
        run_for(3)
        MailerState.objects.all().delete()
        OutboxMessage.objects.filter(state="queued").update(
            due_at=timezone.now() - timedelta(seconds=1)
        )
    assert (states(), len(Both.script)) == (["unknown"], 2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_backend_that_raises_what_is_no_exception_stops_nobody(scripted):
    scripted(asyncio.CancelledError(), {"bob@b.org": "accepted"}, concurrency=1)
    send(letter(), letter())
    run_for(4)
    assert states()[1] == "sent"
