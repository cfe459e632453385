"""No more mail than allowed: what waits, what is refused, and who goes on meanwhile."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import timedelta

import pytest
from backends.stage import letters, redis, smtp
from commands.worker_stage import tables_away
from django.core.cache import caches
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone
from misbehaving_server import MisbehavingServer
from outbox.mailing import in_thread, send, states

from django_mailplus.backends.breakers import Patience, breaker_of
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.delivery import classify, retry_after
from django_mailplus.exceptions import (
    NoMailerError,
    PartialDeliveryError,
    RateLimitError,
)
from django_mailplus.outbox.mailers.due import seconds_until_due
from django_mailplus.outbox.mailers.rates import name_of
from django_mailplus.outbox.models import Attempt, MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.rates import Rate

RATELIMIT = "django_mailplus.backends.ratelimit.EmailBackend"
DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("forget_mailers"),
]


def ratelimit(using="smtp", **options):
    return {"BACKEND": RATELIMIT, "OPTIONS": {"using": using, **options}}


@pytest.fixture
def peer():
    with MisbehavingServer() as server:
        yield server


@pytest.fixture(params=["database", "redis", "one process"])
def books(request):
    """Where it is written down what has left: the option, and the setting for it."""
    if request.param == "database":
        return {}, {"default": {"BACKEND": LOCMEM}}
    there = {"BACKEND": LOCMEM, "LOCATION": uuid.uuid4().hex}
    if request.param == "redis":
        there = redis()
    return {"cache": "rates"}, {"default": {"BACKEND": LOCMEM}, "rates": there}


@pytest.fixture
def limited(with_mailers, peer, books):
    def configure(leaf=None, **options):
        option, caches = books
        entry = smtp(peer, leaf) if leaf else smtp(peer)
        with_mailers(
            {"default": ratelimit(**options, **option), "smtp": entry}, CACHES=caches
        )
        return get_mailer("default")

    return configure


def told(message):
    return {recipient.kind for recipient in message.delivery_result.recipients}


def test_what_has_room_is_sent_and_the_rest_is_told_of_one_by_one(limited, peer):
    batch = letters(5)
    with pytest.raises(PartialDeliveryError) as caught:
        limited(rate="20/h").send_messages(batch)
    assert caught.value.sent == len(peer.taken) == 2  # a tenth at once
    assert [message for message, _ in caught.value.failures] == batch[2:]
    assert {type(error) for _, error in caught.value.failures} == {RateLimitError}
    assert [told(m) for m in batch] == [{"accepted"}] * 2 + [{"transient"}] * 3


def test_what_has_no_room_says_when_there_will_be_some(limited, peer):
    mailer = limited(rate="20/h")
    mailer.send_messages(letters(2))
    [late] = letters(1)
    with pytest.raises(
        RateLimitError, match="MAILERS\\['default'\\]: no room"
    ) as caught:
        mailer.send_messages([late])
    assert isinstance(caught.value, OSError)
    assert classify(caught.value) == "mailer"
    assert 100 < caught.value.retry_after <= 200
    assert told(late) == {"transient"}
    assert len(peer.taken) == 2


def test_a_call_waits_for_room_but_no_longer_than_it_may(limited, peer):
    begun = time.monotonic()
    with pytest.raises(PartialDeliveryError) as caught:
        limited(rate="5/s", max_wait=0.7).send_messages(letters(40))
    # One at once, then four in a second; a machine that stands still lets more leave.
    assert caught.value.sent == len(peer.taken) >= 3
    assert len(peer.taken) <= 1 + (time.monotonic() - begun) * 4
    assert 0 < caught.value.failures[0][1].retry_after <= 0.25


@pytest.mark.parametrize("rates", [["40/m", "20/h"], ["29/m", "2000/d"]], ids=str)
def test_all_rates_hold_together(limited, peer, rates):
    mailer = limited(rate=rates, max_wait=0)
    with pytest.raises(PartialDeliveryError) as caught:
        mailer.send_messages(letters(9))
    assert caught.value.sent == 2
    with pytest.raises(RateLimitError):
        mailer.send_messages(letters(1))
    assert len(peer.taken) == 2


def test_waiting_keeps_the_connection_of_a_mailer_that_has_no_pool(limited, peer):
    assert limited(DJANGO_SMTP, rate="100/s").send_messages(letters(25)) == 25
    # The tenth that leaves at once, and all that waited.
    assert peer.connections <= 2


def test_silence_swallows_what_has_no_room(limited, peer):
    batch = letters(3)
    mailer = limited(rate="20/h", fail_silently=True)
    assert mailer.send_messages(batch) == len(peer.taken) == 2
    assert told(batch[2]) == {"transient"}


def test_a_message_is_sent_once_where_one_before_it_is_refused(limited, peer):
    """An error of the server ends the batch, as without a rate; who was sent says so."""
    peer.plan(rcpt=["250 ok", "550 5.1.1 no such user", "250 ok"])
    batch = letters(3)
    with pytest.raises(OSError, match="no such user"):
        limited(rate="100/s").send_messages(batch)
    assert len(peer.taken) == 1
    assert [told(m) for m in batch] == [{"accepted"}, {"permanent"}, {"transient"}]


def test_who_is_in_a_transaction_holds_up_nobody(with_mailers, peer):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer")
    with_mailers(
        {"default": ratelimit(rate="40/h", max_wait=0), "smtp": smtp(peer)},
    )
    with transaction.atomic():
        get_mailer("default").send_messages(letters(1))
        assert in_thread(lambda: get_mailer("default").send_messages(letters(1))) == 1
        transaction.set_rollback(True)
    # A rollback gives no room back: the mail has left.
    get_mailer("default").send_messages(letters(2))
    with pytest.raises(RateLimitError):
        get_mailer("default").send_messages(letters(1))
    assert len(peer.taken) == 4


def test_the_states_of_rates_are_of_no_mailer():
    rate = Rate.parse("14/s")
    assert name_of("smtp", rate) != "smtp"
    assert len(name_of("x" * 200, rate)) <= 100
    assert name_of("x" * 200, rate) != name_of("x" * 199, rate)
    # A count that is changed goes on where it was.
    assert name_of("smtp", rate) == name_of("smtp", Rate.parse("20/s"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "must define 'rate'"),
        ({"rate": "14"}, "it takes rates such as '14/s'"),
        ({"rate": ["14/s", 3]}, "'rate' has 3"),
        ({"rate": 3}, "'rate' is 3"),
        ({"rate": ["14/s", "20/s"]}, "twice what is allowed in one 's'"),
        ({"rate": "14/s", "max_wait": -1}, "'max_wait' is -1"),
        ({"rate": "14/s", "max_wait": "5"}, "'max_wait' is '5'"),
        ({"rate": "14/s", "cache": "gone"}, "there are: 'default'"),
    ],
)
def test_mistakes_in_the_options(with_mailers, peer, options, words):
    from django.core.checks import run_checks

    with_mailers({"default": ratelimit(**options), "smtp": smtp(peer)})
    with pytest.raises(InvalidMailer, match=words):
        get_mailer("default")
    texts = [f.msg for f in run_checks(tags=["mail"]) if f.id == "mailplus.E005"]
    assert any(words in text for text in texts)


# --- What cannot be shared ----------------------------------------------------------------


def test_where_the_cache_is_down_each_process_keeps_to_the_rate(
    with_mailers, peer, caplog
):
    nobody = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:1/0",
    }
    with_mailers(
        {
            "default": ratelimit(rate="20/h", cache="default"),
            "smtp": smtp(peer),
        },
        CACHES={"default": nobody},
    )
    with caplog.at_level(logging.WARNING), pytest.raises(PartialDeliveryError):
        get_mailer("default").send_messages(letters(5))
    assert len(peer.taken) == 2
    [line] = [r for r in caplog.records if "cannot be shared" in r.getMessage()]
    assert "ConnectionError" in line.getMessage()


def test_one_who_died_at_the_books_holds_them_up_for_a_while_only(with_mailers, peer):
    there = redis()
    with_mailers(
        {"default": ratelimit(rate="20/h", cache="default"), "smtp": smtp(peer)},
        CACHES={"default": there},
    )
    mailer = get_mailer("default")
    mailer.send_messages(letters(1))
    [key] = caches["default"]._cache.get_client().keys(f"{there['KEY_PREFIX']}*")
    key = key.decode().partition(":1:")[2]
    caches["default"].add(f"{key}:lock", 1, 2)
    assert mailer.send_messages(letters(1)) == 1


def test_before_migrate_the_error_says_what_to_do(with_mailers, peer):
    with_mailers({"default": ratelimit(rate="20/h"), "smtp": smtp(peer)})
    with tables_away(MailerState), pytest.raises(InvalidMailer, match="migrate"):
        get_mailer("default").send_messages(letters(1))
    assert peer.taken == []


def test_without_the_app_there_is_only_a_cache(with_mailers, peer):
    with_mailers(
        {
            "default": ratelimit(rate="20/h"),
            "cached": ratelimit(rate="20/h", cache="default"),
            "smtp": smtp(peer),
        },
        INSTALLED_APPS=[],
    )
    with pytest.raises(InvalidMailer, match="or name a cache"):
        get_mailer("default")
    assert get_mailer("cached").send_messages(letters(1)) == 1


# --- Behind a router ----------------------------------------------------------------------


@pytest.fixture
def routed(with_mailers, servers):
    def configure(second=None, **options):
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.failover.EmailBackend",
                    "OPTIONS": {"using": ["slow", second or "two"]},
                },
                "slow": ratelimit("one", rate="20/h", max_wait=0, **options),
                "slower": ratelimit("two", rate="10/h", max_wait=0),
                "one": smtp(servers[0]),
                "two": smtp(servers[1]),
            }
        )
        return get_mailer("default")

    return configure


def test_a_router_goes_on_to_the_next_and_takes_nobody_for_down(routed, servers):
    batch = letters(5)
    assert routed().send_messages(batch) == 5
    assert [len(server.taken) for server in servers] == [2, 3]
    assert breaker_of("default", "slow", Patience()).health == "closed"
    assert [told(m) for m in batch] == [{"accepted"}] * 5


def test_where_none_has_room_the_error_says_when_the_first_one_has(routed, servers):
    mailer = routed("slower")
    with pytest.raises(NoMailerError) as caught:
        mailer.send_messages(letters(5))
    assert [len(server.taken) for server in servers] == [2, 1]
    slow = retry_after(caught.value.errors["slow"])
    assert (
        retry_after(caught.value) == slow < retry_after(caught.value.errors["slower"])
    )


# --- Behind an outbox ---------------------------------------------------------------------


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


def test_with_an_outbox_for_each_way_the_slow_one_holds_up_nobody(
    with_mailers, servers
):
    outbox = "django_mailplus.backends.outbox.EmailBackend"
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.route.EmailBackend",
                "OPTIONS": {
                    "using": ["soon", "later"],
                    "by": "stream",
                    "routes": {"news": "later"},
                },
            },
            "soon": {
                "BACKEND": outbox,
                "OPTIONS": {"using": "one", "dispatch": "worker"},
            },
            "later": {
                "BACKEND": outbox,
                "OPTIONS": {"using": "slow", "dispatch": "worker"},
            },
            "slow": ratelimit("two", rate="20/h", max_wait=0),
            "one": smtp(servers[0]),
            "two": smtp(servers[1]),
        }
    )
    for number in range(4):
        news = EmailMessage("News", "", "a@example.com", [f"n{number}@example.com"])
        news.stream = "news"
        assert news.send() == 1
    Worker(["one", "slow"]).run(drain=True)
    send("reset")
    Worker(["one", "slow"]).run(drain=True)
    assert [len(server.taken) for server in servers] == [1, 2]
