"""Mail in an outbox waits for room without a try, and holds up as few as can be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from backends.stage import letters, ratelimit, smtp
from django.core.mail import EmailMessage
from django.utils import timezone
from outbox.mailing import send, states

from django_mailplus.compat import get_mailer
from django_mailplus.exceptions import (
    RateLimitError,
)
from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.mailers.rates import name_of
from django_mailplus.outbox.models import Attempt, MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.rates import Rate

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("forget_mailers"),
]


@pytest.fixture
def peer(servers):
    return servers[0]


@pytest.fixture
def queued(with_mailers, peer):
    def configure(names, **options):
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "slow", "dispatch": "worker"},
                },
                "slow": ratelimit(**options),
                "smtp": smtp(peer),
            }
        )
        send(*names)

    return configure


def names(count):
    return [f"n{n}" for n in range(count)]


def test_an_outbox_keeps_the_rest_for_as_long_as_it_takes(queued, peer):
    queued(names(6), rate="20/h")
    worker = Worker(["slow"])
    worker.run(drain=True)
    assert worker.is_held_up  # not for three minutes: whoever drains comes again
    assert sorted(states()) == ["queued"] * 4 + ["sent"] * 2
    assert len(peer.taken) == 2
    # Nothing was tried, so no try counts and none is on record; nobody is in trouble.
    waiting = OutboxMessage.objects.filter(state="queued")
    assert set(waiting.values_list("attempts", flat=True)) == {0}
    assert Attempt.objects.count() == 2
    rests = MailerState.objects.get(alias="slow")
    assert rests.failures == 0
    assert "no room for another mail" in rests.reason
    assert 100 < seconds_until_due("slow") <= 200
    MailerState.objects.all().delete()
    Worker(["slow"]).run(drain=True)
    assert len(peer.taken) == 4


def test_mails_keep_their_places(queued, peer):
    queued(names(6), rate="20/h", max_wait=0)
    for _ in range(3):
        Worker(["slow"]).run(drain=True)
        MailerState.objects.all().delete()
    got = [taken.recipients[0].partition("@")[0] for taken in peer.taken]
    assert sorted(got[:2]) == names(2)
    assert sorted(got[2:4]) == names(6)[2:4]
    assert states() == ["sent"] * 6


def test_short_waits_hold_up_no_worker_and_cost_no_pause(queued, peer):
    queued(names(30), rate="50/s")
    Worker(["slow"]).run(drain=True)
    assert states() == ["sent"] * 30
    assert not MailerState.objects.filter(paused_until__isnull=False).exists()
    assert Attempt.objects.count() == 30
    assert peer.connections <= 3


@pytest.fixture
def queued_before_a_router(with_mailers, servers):
    def configure(second, names):
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "both", "dispatch": "worker"},
                },
                "both": {
                    "BACKEND": "django_mailplus.backends.failover.EmailBackend",
                    "OPTIONS": {"using": ["slow", second]},
                },
                "slow": ratelimit("one", rate="20/h", max_wait=0),
                "slower": ratelimit("two", rate="10/h", max_wait=0),
                "one": smtp(servers[0]),
                "two": smtp(servers[1]),
            }
        )
        send(*names)
        Worker(["both"]).run(drain=True)

    return configure


def test_behind_a_router_the_others_send_what_has_no_room(
    queued_before_a_router, servers
):
    queued_before_a_router("two", names(10))
    assert states() == ["sent"] * 10
    assert [len(server.taken) for server in servers] == [2, 8]
    assert not MailerState.objects.filter(paused_until__isnull=False).exists()


def test_where_none_has_room_the_outbox_waits_for_the_first(
    queued_before_a_router, servers
):
    queued_before_a_router("slower", names(6))
    assert sorted(states()) == ["queued"] * 3 + ["sent"] * 3
    assert [len(server.taken) for server in servers] == [2, 1]
    assert 100 < seconds_until_due("both") <= 200
    assert MailerState.objects.get(alias="both").failures == 0


def test_a_pause_that_is_over_lets_the_worker_go_on_by_itself(queued, peer):
    queued(names(4), rate="2/s", max_wait=0)
    Worker(["slow"]).run(drain=True)
    assert states() == ["sent"] * 4


def test_what_a_database_says_wrongly_of_the_future_is_forgotten(queued, peer):
    """As after a clock that was put back: at most a tenth is ahead of now."""
    queued(names(2), rate="20/m", max_wait=0)
    far = timezone.now() + timedelta(days=400)
    MailerState.objects.create(alias=name_of("slow", Rate.parse("20/m")), free_at=far)
    with pytest.raises(RateLimitError) as caught:
        get_mailer("slow").send_messages([EmailMessage("Hi", "", None, ["b@b.org"])])
    assert caught.value.retry_after < 10


def test_a_subclass_prepares_what_comes_from_an_outbox(with_mailers, peer):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "slow", "dispatch": "worker"},
            },
            "slow": {
                "BACKEND": "example_backends.LimitedStamp",
                "OPTIONS": {"using": "smtp"},
            },
            "smtp": smtp(peer),
        }
    )
    batch = letters(2)
    batch[0].subject = "drop me"
    get_mailer("default").send_messages(batch)
    Worker(["slow"]).run(drain=True)
    assert states() == ["suppressed", "sent"]
    [taken] = peer.taken
    assert "archive@example.com" in taken.recipients
