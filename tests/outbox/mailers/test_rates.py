"""How fast a mailer may send, whoever sends and wherever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from django_mailplus import mail
from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.mailers.rates import DatabaseLimiter
from django_mailplus.outbox.models import MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.rates import Rate


@pytest.mark.parametrize(
    ("written", "count", "seconds"),
    [
        ("14/s", 14, 1),
        ("60/m", 60, 60),
        ("500/h", 500, 3_600),
        ("2000/d", 2_000, 86_400),
    ],
)
def test_rates_as_they_are_written(written, count, seconds):
    assert Rate.parse(written) == Rate(count=count, seconds=seconds)


@pytest.mark.parametrize(
    "written", ["", "14", "0/s", "-1/s", "14/w", "1.5/s", "14 / s"]
)
def test_what_is_no_rate_says_how_to_write_one(written):
    with pytest.raises(ValueError, match="'14/s' or '500/h'"):
        Rate.parse(written)


@pytest.mark.parametrize("written", ["1/s", "2/s", "14/s", "500/h", "10000/d"])
def test_within_no_period_more_than_allowed(written):
    rate = Rate.parse(written)
    # What may leave at once, and then one for each distance.
    assert rate.at_once + rate.seconds / rate.distance <= max(2, rate.count) + 1e-6
    assert rate.at_once >= 1


@pytest.mark.django_db
def test_room_is_shared_and_comes_back():
    rate = Rate(count=100, seconds=3_600)
    one, other = DatabaseLimiter({"smtp": rate}), DatabaseLimiter({"smtp": rate})
    assert one.take(6) == 6
    assert other.take(9) == 4
    assert one.take(1) == other.take(1) == 0
    assert DatabaseLimiter({"another": rate}).take(3) == 3
    past = timezone.now() - timedelta(hours=1)
    MailerState.objects.filter(alias="smtp").update(free_at=past)
    assert other.take(100) == 10


@pytest.mark.django_db
def test_nothing_is_taken_for_nothing():
    limiter = DatabaseLimiter({"smtp": Rate(count=1, seconds=60)})
    assert limiter.take(0) == 0
    assert not limiter.is_short
    assert limiter.take(5) == 1
    assert limiter.is_short
    assert 59 < limiter.seconds_until_room() <= 60


@pytest.mark.django_db(transaction=True)
def test_a_worker_keeps_to_the_rate(server, with_mailers):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "worker", "rate": "20/h"},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": server.host, "port": server.port},
            },
        }
    )
    letters = [EmailMessage(str(n), "", None, ["bob@example.com"]) for n in range(5)]
    mail.mailers["default"].send_messages(letters)
    worker = Worker(["smtp"])
    worker.run(drain=True)
    assert worker.is_held_up  # not for three minutes: whoever drains comes again
    assert 100 < seconds_until_due("smtp") <= 200
    assert len(server.messages) == 2  # a tenth at once, then one in three minutes
    states = sorted(OutboxMessage.objects.values_list("state", flat=True))
    assert states == ["queued"] * 3 + ["sent"] * 2
    assert OutboxMessage.objects.filter(state="queued", attempts=0).count() == 3


@pytest.mark.django_db
def test_a_worker_with_a_rate_can_be_made_while_the_database_is_down(
    django_assert_num_queries,
):
    with django_assert_num_queries(0):
        limiter = DatabaseLimiter({"smtp": Rate.parse("10/s")})
    assert limiter.take(1) == 1
