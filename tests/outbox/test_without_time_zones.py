"""With USE_TZ = False the columns hold local time, whatever the zone of the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from django_mailplus.outbox import enqueue, retention
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.mailers.rates import DatabaseLimiter
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.rows import statements
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.outbox.status import read_status, sent_per_minute
from django_mailplus.rates import Rate

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(seconds=30)  # more than a test takes


@pytest.fixture(autouse=True, params=["Asia/Kathmandu", "America/St_Johns"])
def zone(request, settings):
    """Ahead of and behind UTC, in which the servers of the tests are, by odd minutes."""
    settings.USE_TZ = False
    settings.TIME_ZONE = request.param
    statements._now.cache_clear()  # it knows the settings of one project
    yield
    statements._now.cache_clear()


def message(name="bob"):
    return EmailMessage("Hi", "Hi", "ann@example.com", [f"{name}@example.com"])


def drain():
    Worker(["smtp"]).run(drain=True)


def only():
    [mail] = OutboxMessage.objects.all()
    return mail


def is_near(moment, now):
    return abs(moment - now) < SOON


def aware_in(**ahead):
    return datetime.now(UTC) + timedelta(**ahead)


def test_the_time_of_the_database_is_the_local_one():
    OutboxMessage.objects.create(
        mailer="smtp", due_at=DatabaseNow(), give_up_at=DatabaseNow(), recipients=[]
    )
    mail = only()
    assert is_near(mail.due_at, datetime.now())  # noqa: DTZ005
    assert is_near(mail.created_at, timezone.now())


def test_what_is_sent_now_leaves_now(outbox, mail_server):
    outbox(dispatch="worker")
    mail = enqueue(message())
    assert is_near(mail.due_at, timezone.now())
    assert read_status().due == 1
    drain()
    assert only().state == "sent"
    assert is_near(only().finalised_at, timezone.now())
    assert is_near(only().tries.get().ended_at, timezone.now())
    assert sum(sent_per_minute()[-2:]) == 1


def test_what_is_sent_later_waits(outbox, mail_server):
    outbox(dispatch="worker")
    enqueue(message("late"), send_at=aware_in(minutes=5))
    enqueue(message("past"), send_at=aware_in(minutes=-5))
    drain()
    found = OutboxMessage.objects.order_by("id").values_list("state", "due_at")
    [(late, due), (past, was_due)] = found
    assert (late, past) == ("queued", "sent")
    assert is_near(due, timezone.now() + timedelta(minutes=5))
    assert is_near(was_due, timezone.now() - timedelta(minutes=5))
    OutboxMessage.objects.filter(state="queued").update(due_at=timezone.now())
    drain()
    assert set(OutboxMessage.objects.values_list("state", flat=True)) == {"sent"}


def test_another_try_comes_in_a_while(outbox, mail_server):
    outbox(dispatch="worker")
    mail_server.replies["rcpt"] = "450 4.2.1 later"
    enqueue(message())
    drain()
    waits = only().due_at - timezone.now()
    assert (only().state, only().attempts) == ("queued", 1)
    assert timedelta(0) < waits < timedelta(minutes=2)
    mail_server.replies["rcpt"] = "250 2.1.5 ok"
    OutboxMessage.objects.update(due_at=timezone.now())
    drain()
    assert (only().state, only().attempts) == ("sent", 2)


def test_what_is_too_late_is_not_sent(outbox, mail_server):
    outbox(dispatch="worker")
    enqueue(message("open"), expires_at=aware_in(minutes=5))
    over = enqueue(message("over"), expires_at=aware_in(minutes=5))
    past = F("expires_at") - timedelta(minutes=10)
    OutboxMessage.objects.filter(pk=over.pk).update(expires_at=past)
    drain()
    states = OutboxMessage.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["sent", "expired"]


def test_what_a_dead_worker_left_is_taken_over(outbox, mail_server):
    from django_mailplus.outbox.rows import claims, reaping

    outbox(dispatch="worker")
    enqueue(message())
    assert len(claims.claim("smtp", 10, worker="gone", lease=60)) == 1
    reaping.reap()
    assert only().state == "sending"
    OutboxMessage.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    reaping.reap()
    assert only().state == "queued"


def test_a_rate_knows_what_has_left():
    limiter = DatabaseLimiter({"smtp": Rate.parse("10/m")})
    assert [limiter.take(5) for _ in range(2)] == [1, 0]


def test_the_old_goes(outbox, mail_server):
    outbox(dispatch="worker")
    for name in ("new", "old"):
        enqueue(message(name))
    drain()
    old = OutboxMessage.objects.order_by("id").last()
    almost = timezone.now() - timedelta(days=30) + timedelta(minutes=1)
    OutboxMessage.objects.update(finalised_at=almost)
    assert retention.light_pass() == 0
    OutboxMessage.objects.filter(pk=old.pk).update(
        finalised_at=almost - timedelta(minutes=2)
    )
    assert retention.light_pass() == 1


def test_the_command_shows_local_time(outbox, mail_server, capsys):
    outbox(dispatch="worker")
    mail = enqueue(message())
    call_command("mailqueue", "show", str(mail.pk))
    assert f"{mail.created_at:%Y-%m-%d %H:%M:%S}" in capsys.readouterr().out
