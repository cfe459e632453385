"""From `send_messages` to the server, over the outbox: real rows, a real server."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import OperationalError, connection, transaction
from django.db.models import F
from misbehaving_server import CLOSE, MisbehavingServer

from django_mailplus.compat import get_mailer
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import MailerState, OutboxMessage, Recipient
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.sending import lane
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with MisbehavingServer() as server:
        yield server


@pytest.fixture
def outbox(with_mailers, server):
    """Configures an outbox before a server; gives a new backend of it at every call."""

    def configure(*, dispatch="worker", smtp=(), **options):
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "smtp", "dispatch": dispatch, **options},
                },
                "smtp": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": {
                        "host": server.host,
                        "port": server.port,
                        "timeout": 5,
                        **dict(smtp),
                    },
                },
            }
        )
        return lambda: get_mailer("default")

    yield configure
    close_all()


def letters(count, to="bob{}@example.com"):
    return [
        EmailMessage(f"No {n}", f"Body {n}", "ann@example.com", [to.format(n)])
        for n in range(count)
    ]


def drain():
    Worker(["smtp"]).run(drain=True)


def states():
    return list(OutboxMessage.objects.order_by("id").values_list("state", flat=True))


def arrived(server):
    return sorted(address for taken in server.taken for address in taken.recipients)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_is_stored_is_sent(outbox, server, concurrency):
    backend = outbox(smtp={"concurrency": concurrency})
    assert backend().send_messages(letters(30)) == 30
    assert server.taken == []
    drain()
    assert arrived(server) == sorted(f"bob{n}@example.com" for n in range(30))
    assert states() == ["sent"] * 30


def test_a_rollback_leaves_no_mail(outbox, server):
    backend = outbox()
    with transaction.atomic():
        backend().send_messages(letters(2))
        assert states() == ["queued"] * 2
        transaction.set_rollback(True)
    assert states() == []


def test_a_refused_recipient_does_not_keep_the_mail_from_others(outbox, server):
    server.replies["rcpt"] = {"carol@": "451 4.2.0 later", "": "250 ok"}
    outbox()().send_messages(
        [EmailMessage("Hi", "Hi", "a@b.org", ["bob@b.org", "carol@b.org"])]
    )
    drain()
    assert states() == ["queued"]
    server.replies["rcpt"] = "250 ok"
    OutboxMessage.objects.update(due_at="2020-01-01T00:00:00Z")
    drain()
    assert states() == ["sent"]
    assert [taken.recipients for taken in server.taken] == [
        ["bob@b.org"],
        ["carol@b.org"],
    ]
    first, second = (taken.content for taken in server.taken)
    assert first == second  # To still names both, and the Message-ID is one
    assert set(Recipient.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize("alike", ["Carol@bo.org", "carol@bö.org"])
def test_addresses_that_are_nearly_the_same_are_two(outbox, server, alike):
    """On MariaDB as well, whose collations take no notice of case and accents."""
    server.replies["rcpt"] = {"<carol@bo.org": "451 4.2.0 later", "": "250 ok"}
    outbox()().send_messages(
        [EmailMessage("Hi", "Hi", "a@b.org", [alike, "carol@bo.org"])]
    )
    drain()
    fates = Recipient.objects.values_list("address", "state")
    assert dict(fates) == {alike: "sent", "carol@bo.org": "queued"}
    server.replies["rcpt"] = "250 ok"
    OutboxMessage.objects.update(due_at="2020-01-01T00:00:00Z")
    drain()
    assert states() == ["sent"]
    first, second = (taken.recipients for taken in server.taken)
    assert len(first) == 1
    assert second == ["carol@bo.org"]


def test_retry_by_hand_spares_those_who_have_got_it(outbox, server):
    server.replies["rcpt"] = {"carol@": "550 5.1.1 no", "": "250 ok"}
    outbox()().send_messages(
        [EmailMessage("Hi", "Hi", "a@b.org", ["bob@b.org", "carol@b.org"])]
    )
    drain()
    assert states() == ["partial"]
    server.replies["rcpt"] = "250 ok"
    assert transitions.retry(OutboxMessage.objects.all()) == 1
    drain()
    assert states() == ["sent"]
    assert arrived(server) == ["bob@b.org", "carol@b.org"]
    assert transitions.requeue(OutboxMessage.objects.all()) == 1
    drain()
    assert arrived(server) == ["bob@b.org", "bob@b.org", "carol@b.org", "carol@b.org"]


def test_a_mail_that_is_refused_delays_no_other(outbox, server):
    server.replies["rcpt"] = {"bob0@": "550 5.1.1 no", "": "250 ok"}
    outbox()().send_messages(letters(5))
    drain()
    assert states() == ["failed"] + ["sent"] * 4


def test_a_mail_that_cannot_be_rebuilt_delays_no_other(outbox, server):
    outbox()().send_messages(letters(3))
    broken = OutboxMessage.objects.order_by("id").select_related("payload").first()
    broken.payload.document = "{}"
    broken.payload.save()
    drain()
    assert states() == ["failed", "sent", "sent"]


def test_a_server_that_is_down_pauses_the_mailer_and_costs_no_attempt(outbox, server):
    server.replies["banner"] = "554 5.3.2 closed"
    outbox()().send_messages(letters(5))
    drain()
    assert states() == ["queued"] * 5
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {0}
    [state] = MailerState.objects.all()
    assert state.failures == 1
    assert (
        "refuses this machine before any login (SMTPConnectError 554)" in state.reason
    )
    assert pausing.look("smtp").paused
    server.replies["banner"] = "220 back"
    transitions.resume("smtp")
    drain()
    assert states() == ["sent"] * 5
    assert not pausing.look("smtp").paused


def test_a_mail_says_for_how_long_it_has_waited_for_a_server(outbox, server):
    server.replies["banner"] = "554 5.3.2 closed"
    outbox()().send_messages(letters(2))
    drain()
    waits = OutboxMessage.objects.order_by("id").values_list("due_at", "give_up_at")
    first = list(waits)
    for _ in range(3):  # the mailer is in trouble, not the mails
        MailerState.objects.update(paused_until=DatabaseNow())
        drain()
    assert list(waits) == first
    assert MailerState.objects.get().failures == 4
    assert list(OutboxMessage.objects.values_list("attempts", flat=True)) == [0, 0]


def test_a_server_that_is_down_for_long_costs_no_time_either(outbox, server):
    server.replies["banner"] = "554 5.3.2 closed"
    outbox(max_age=300)().send_messages(letters(1))
    drain()
    an_hour = timedelta(hours=1)
    OutboxMessage.objects.update(
        due_at=F("due_at") - an_hour, give_up_at=F("give_up_at") - an_hour
    )
    MailerState.objects.update(paused_until=F("paused_until") - an_hour)
    drain()
    server.replies |= {"banner": "220 back", "rcpt": "452 4.2.2 full"}
    MailerState.objects.update(paused_until=DatabaseNow())
    drain()
    mail = OutboxMessage.objects.get()
    assert (mail.state, mail.attempts, mail.code) == ("queued", 1, 452)


@pytest.mark.parametrize(
    ("on_unknown", "state"), [("hold", "unknown"), ("retry", "queued")]
)
def test_an_answer_that_is_lost(outbox, server, on_unknown, state):
    server.replies["content"] = CLOSE
    outbox(on_unknown=on_unknown)().send_messages(letters(1))
    drain()
    assert states() == [state]


def test_a_key_makes_two_mails_one(outbox, server):
    backend = outbox()
    for message in letters(2):
        message.outbox = OutboxOptions(idempotency_key="order 7")
        with transaction.atomic():
            assert backend().send_messages([message]) == 1
            assert connection.is_usable()
    assert states() == ["queued"]


@pytest.mark.parametrize("key", ["Order 7", "örder 7"])
def test_keys_that_are_nearly_the_same_are_two(outbox, key):
    backend = outbox()
    for each, message in zip(["order 7", key], letters(2), strict=True):
        message.outbox = OutboxOptions(idempotency_key=each)
        backend().send_messages([message])
    assert states() == ["queued"] * 2


def test_two_workers_send_each_mail_once(outbox, server):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory has one connection")
    outbox(smtp={"concurrency": 2})().send_messages(letters(60))
    threads = [threading.Thread(target=_drain_and_close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states() == ["sent"] * 60
    assert len(arrived(server)) == 60


def _drain_and_close():
    try:
        drain()
    finally:
        connection.close()


def test_inline_sends_before_the_next_line(outbox, server):
    assert outbox(dispatch="inline")().send_messages(letters(2)) == 2
    assert states() == ["sent"] * 2


def test_a_pause_by_hand_ends_by_hand_with_or_without_a_reason():
    for reason in ("", "moving house"):
        pausing.pause_by_hand("smtp", reason)
        assert pausing.look("smtp").paused
        assert transitions.resume("smtp")
        assert not pausing.look("smtp").paused
        assert not transitions.resume("smtp")


def test_a_database_that_fails_at_the_end_is_asked_again(outbox, server, monkeypatch):
    outbox()().send_messages(letters(3))
    real, failures = lane.exchange, []

    def fail_twice(told, **options):
        if told and len(failures) < 2:
            failures.append(len(told))
            raise OperationalError("the database has gone")
        return real(told, **options)

    monkeypatch.setattr(lane, "exchange", fail_twice)
    worker = Worker(["smtp"], poll=0.01, on_turn=lambda progress: worker.stop.set())
    worker.run()
    assert len(failures) == 2
    assert states() == ["sent"] * 3
    assert len(server.taken) == 3
