"""A lane whose server, database, backend or process fails it at the worst moment."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.core.mail import EmailMessage
from django.db import OperationalError, connection
from django.utils import timezone
from outbox.mailing import states

from django_mailplus import mail
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.mailers.configured import Sending
from django_mailplus.outbox.models import MailerState, OutboxMessage
from django_mailplus.outbox.rows import reaping, statements
from django_mailplus.outbox.sending import lane as lanes
from django_mailplus.outbox.sending import worker as workers
from django_mailplus.outbox.sending.carried import clock
from django_mailplus.outbox.sending.lane import Lane
from django_mailplus.outbox.sending.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def letter(**fields):
    return EmailMessage("Hi", "Hi", "ann@b.org", **{"to": ["bob@b.org"], **fields})


def send(*letters):
    mail.mailers["default"].send_messages(list(letters))


def wait_before_each_content(monkeypatch, wait):
    """As a process that is stopped there, or a server that is slow."""
    real = Lane._check

    def check(lane, claimed):
        wait()
        real(lane, claimed)

    monkeypatch.setattr(Lane, "_check", check)


def is_sent(count):
    return states().count("sent") == count


def turn_until(lane, condition, seconds=10, room=99):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        lane.turn(room=room)
        time.sleep(0.01)
    return condition()


def test_a_server_that_hangs_up_before_the_content_takes_no_permit_along(
    outbox, mail_server, monkeypatch
):
    """Each of these mails leaves over another session; none may cost two permits."""
    outbox(dispatch="worker")
    lane = Lane("smtp", Sending(concurrency=1), worker="one")
    stream = lane._stream
    real = type(stream)._permit
    hang_up = []

    def permit(stream, letter, before):
        real(stream, letter, before)
        if hang_up and hang_up.pop():
            for sock in mail_server._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(2)
            time.sleep(0.1)

    monkeypatch.setattr(type(stream), "_permit", permit)
    for number in range(4):
        # A session that was of use, and then one that closes after its 354.
        send(letter())
        assert turn_until(lane, partial(is_sent, 2 * number + 1))
        hang_up.append(True)
        send(letter())
        assert turn_until(lane, partial(is_sent, 2 * number + 2)), number
    lane.close()


def test_an_answer_that_came_too_late_makes_no_claim_young(
    outbox, mail_server, monkeypatch
):
    """The database did it, and a process that is stopped reads the answer after its lease."""
    outbox(dispatch="worker")
    send(letter())
    real = lanes.exchange

    def slow(*args, **kwargs):
        answer = real(*args, **kwargs)
        # Meanwhile: the lease ends, another worker takes it over.
        past = timezone.now() - timedelta(seconds=1)
        OutboxMessage.objects.filter(state="sending").update(lease_until=past)
        assert reaping.reap() == 1
        monkeypatch.setattr(lanes, "exchange", real)
        time.sleep(0.6)
        return answer

    monkeypatch.setattr(lanes, "exchange", slow)
    lane = Lane("smtp", Sending(lease=1.0), worker="one")
    lane.turn(room=9)
    time.sleep(0.5)
    lane.turn(room=0)
    lane.close()
    assert mail_server.taken == []


def test_a_lost_answer_does_not_claim_more_than_there_is_room_for(
    outbox, mail_server, monkeypatch
):
    outbox(dispatch="worker", concurrency=2)
    send(*(letter() for _ in range(9)))
    real, lost = lanes.exchange, []

    def lossy(*args, **kwargs):
        answer = real(*args, **kwargs)
        if not lost:
            lost.append(1)
            raise OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(lanes, "exchange", lossy)
    worker = Worker(["smtp"], max_messages=3, poll=0.05)
    timer = threading.Timer(5, worker.stop.set)
    timer.start()
    monkeypatch.setattr(worker, "_finish", lambda: None)  # it would wait for minutes
    worker.run(drain=True)
    timer.cancel()
    assert not worker.stop.is_set()
    assert len(mail_server.taken) == 3


def test_a_worn_stream_ends_although_all_leases_were_over(
    outbox, mail_server, monkeypatch
):
    monkeypatch.setattr(lanes, "_STREAM_LASTS", 1.0)
    outbox(dispatch="worker")
    send(*(letter() for _ in range(6)))
    # Stopped before anything left: the letters come to their permits too late.
    wait = threading.Event()
    wait_before_each_content(monkeypatch, partial(wait.wait, 10))
    lane = Lane("smtp", Sending(lease=60.0, concurrency=2), worker="one")
    lane.turn(room=6)
    assert len(lane._sending) == 6
    past = timezone.now() - timedelta(hours=1)
    OutboxMessage.objects.update(lease_until=past)
    assert reaping.reap() == 6
    OutboxMessage.objects.update(state="held")
    time.sleep(1.1)
    for claimed in lane._sending.values():
        claimed.since -= 3_000
    wait.set()
    assert turn_until(lane, lambda: not lane.is_waiting, 5), (
        len(lane._sending),
        lane._stream._permits._value,
        lane._stream._used,
    )


def test_a_stop_ends_although_all_leases_were_over(outbox, mail_server, monkeypatch):
    outbox(dispatch="worker")
    send(*(letter() for _ in range(6)))
    wait = threading.Event()
    wait_before_each_content(monkeypatch, partial(wait.wait, 10))
    lane = Lane("smtp", Sending(lease=60.0, concurrency=2), worker="one")
    lane.turn(room=6)
    for claimed in lane._sending.values():
        claimed.since -= 3_000
    wait.set()
    assert turn_until(lane, lambda: not lane.is_waiting, 5, room=0), (
        len(lane._sending),
        lane._stream._permits._value,
        lane._stream._used,
    )
    lane.close()


def test_a_sent_mail_has_no_words_of_the_trouble_before(outbox, mail_server):
    outbox(dispatch="worker")
    send(letter())
    mail_server.replies["banner"] = "554 5.3.2 closed"
    Worker(["smtp"]).run(drain=True)
    [row] = OutboxMessage.objects.all()
    assert row.state == "queued"
    MailerState.objects.all().delete()
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    mail_server.replies["banner"] = "220 hello"
    Worker(["smtp"]).run(drain=True)
    [row] = OutboxMessage.objects.all()
    assert row.state == "sent"
    assert (row.code, row.text) in {(None, ""), (250, row.text)}, (row.code, row.text)


def test_a_mail_that_was_sent_once_more_has_no_words_of_its_failure(
    outbox, mail_server
):
    outbox(dispatch="worker")
    send(letter())
    mail_server.replies["rcpt"] = "550 5.1.1 no such user"
    Worker(["smtp"]).run(drain=True)
    assert states() == ["failed"]
    mail_server.replies["rcpt"] = "250 ok"
    transitions.requeue(OutboxMessage.objects.all())
    Worker(["smtp"]).run(drain=True)
    [row] = OutboxMessage.objects.all()
    assert row.state == "sent"
    assert (row.code, row.text) in {(None, ""), (250, row.text)}, (row.code, row.text)


def _leave():
    raise SystemExit(143)  # as a signal handler does


def test_who_leaves_at_once_gives_nothing_back_that_is_on_its_way(
    outbox, mail_server, monkeypatch
):
    outbox(dispatch="worker", on_unknown="hold")
    send(letter())
    lane = Lane("smtp", Sending(concurrency=1), worker="one")
    stream = type(lane._stream)
    real = stream.put

    def put(stream, message, before):
        real(stream, message, before)
        _leave()

    monkeypatch.setattr(stream, "put", put)
    with pytest.raises(SystemExit):
        lane.turn(room=1)
    deadline = time.monotonic() + 5
    while not mail_server.taken and time.monotonic() < deadline:
        time.sleep(0.01)
    lane.abandon()
    assert len(mail_server.taken) == 1
    assert states() != ["queued"]


def _interrupt_after(monkeypatch, owner, name):
    """The database has done it, and a signal strikes before we hear of that."""
    real = getattr(owner, name)

    def interrupted(*args, **kwargs):
        real(*args, **kwargs)
        _leave()

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (lanes, "exchange"),
        (statements, "claim"),
        (Lane, "_take_on"),
        (lanes, "rebuilt"),
        (Lane, "_is_old"),
    ],
)
def test_who_leaves_in_the_middle_of_a_claim_gives_back_what_did_not_leave(
    outbox, mail_server, monkeypatch, owner, name
):
    if owner is statements and connection.vendor == "postgresql":
        pytest.skip("one statement does all of it")
    outbox(dispatch="worker", on_unknown="hold")
    send(*(letter() for _ in range(3)))
    lane = Lane("smtp", Sending(), worker="one")
    with monkeypatch.context() as patch:
        _interrupt_after(patch, owner, name)
        with pytest.raises(SystemExit):
            lane.turn(room=9)
    lane.abandon()
    lane.close()
    assert mail_server.taken == []
    assert states() == ["queued"] * 3
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {0}


def test_a_claim_whose_answer_was_lost_is_as_old_as_it_is(
    outbox, mail_server, monkeypatch
):
    outbox(dispatch="worker")
    send(letter())
    real = lanes.exchange

    def lossy(*args, **kwargs):
        real(*args, **kwargs)
        monkeypatch.setattr(lanes, "exchange", real)
        raise OperationalError("the answer was lost")

    monkeypatch.setattr(lanes, "exchange", lossy)
    lane = Lane("smtp", Sending(lease=1.0), worker="one")
    with pytest.raises(OperationalError):
        lane.turn(room=1)
    time.sleep(0.8)  # the database is back when a fifth of the lease is left
    lane._renewed = clock()
    lane.turn(room=0)
    time.sleep(0.3)
    lane.turn(room=0)
    lane.close()
    assert mail_server.taken == []


@pytest.mark.parametrize("on_unknown", ["retry", "hold"])
def test_a_worker_takes_nothing_from_itself_after_the_database_stood_still(
    outbox, mail_server, monkeypatch, on_unknown
):
    """Nobody died, and all the answers are here."""
    outbox(dispatch="worker", concurrency=1, lease=1.0, on_unknown=on_unknown)
    send(*(letter() for _ in range(6)))
    monkeypatch.setattr(workers, "_HOUSEKEEPING", 0.3)  # shorter than a lease, as ever
    real = lanes.exchange

    def stall(told, **kwargs):
        if told:
            monkeypatch.setattr(lanes, "exchange", real)
            time.sleep(1.2)
        return real(told, **kwargs)

    monkeypatch.setattr(lanes, "exchange", stall)
    Worker(["smtp"], poll=0.05).run(drain=True)
    assert states() == ["sent"] * 6
    assert len(mail_server.taken) == 6


def test_who_may_claim_nothing_waits_for_answers_and_does_not_spin(
    outbox, mail_server, monkeypatch
):
    outbox(dispatch="worker", concurrency=1)
    send(letter())
    wait_before_each_content(monkeypatch, partial(time.sleep, 0.5))
    lane = Lane("smtp", Sending(concurrency=1), worker="one")
    lane.turn(room=1)
    turns = 0
    while lane.under_way:
        lane.turn(room=0)
        turns += 1
    lane.close()
    assert states() == ["sent"]
    assert turns < 100
