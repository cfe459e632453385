"""No more mail than allowed: what waits, what is refused, and who goes on meanwhile."""

from __future__ import annotations

import logging
import time
import uuid

import pytest
from backends.stage import letters, ratelimit, redis, smtp
from commands.worker_stage import tables_away
from django.core.cache import caches
from django.db import connection, transaction
from django.db.backends.signals import connection_created
from misbehaving_server import MisbehavingServer
from outbox.mailing import in_thread

from django_mailplus.backends.breakers import Patience, breaker_of
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.delivery import classify, seconds_until_room
from django_mailplus.exceptions import (
    NoMailerError,
    PartialDeliveryError,
    RateLimitError,
)
from django_mailplus.outbox.mailers.rates import name_of
from django_mailplus.outbox.models import MailerState
from django_mailplus.rates import Rate

DJANGO_SMTP = "django.core.mail.backends.smtp.EmailBackend"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("forget_mailers"),
]


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


def test_a_batch_within_a_transaction_opens_one_more_connection(with_mailers, peer):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer")
    opened = []

    def note(connection, **_):
        opened.append(connection)

    with_mailers({"default": ratelimit(rate="50/s"), "smtp": smtp(peer)})
    connection.ensure_connection()
    connection_created.connect(note)
    with transaction.atomic():
        assert get_mailer("default").send_messages(letters(12)) == 12
    assert len(opened) == 1
    assert opened[0].connection is None  # and closes it


def test_a_subclass_prepares_and_what_it_drops_takes_no_room(with_mailers, peer):
    with_mailers(
        {
            "default": {
                "BACKEND": "example_backends.LimitedStamp",
                "OPTIONS": {"using": "smtp", "rate": "20/h", "max_wait": 0},
            },
            "smtp": smtp(peer),
        }
    )
    batch = letters(5)
    batch[0].subject = batch[1].subject = "drop me"
    with pytest.raises(PartialDeliveryError) as caught:
        get_mailer("default").send_messages(batch)
    [(message, error)] = caught.value.failures
    assert message is batch[4]
    assert isinstance(error, RateLimitError)
    assert len(peer.taken) == 2
    assert all("archive@example.com" in taken.recipients for taken in peer.taken)
    kinds = [{"suppressed"}] * 2 + [{"accepted"}] * 2 + [{"transient"}]
    assert [told(m) for m in batch] == kinds
    assert [m.subject for m in batch[2:]] == ["No 2", "No 3", "No 4"]


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
    slow = seconds_until_room(caught.value.errors["slow"])
    assert (
        seconds_until_room(caught.value)
        == slow
        < seconds_until_room(caught.value.errors["slower"])
    )
