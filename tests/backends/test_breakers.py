"""What is known of a mailer that is down: for how long, who tries it, who hears of it."""

from __future__ import annotations

import threading

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.test import override_settings

from django_mailplus.backends import breakers
from django_mailplus.backends.breakers import Breaker, Patience


class Broken(BaseCache):
    """A cache whose server is down."""

    def __init__(self, location, params):
        super().__init__(params)

    def _fail(self, *args, **options):
        raise ConnectionRefusedError

    get = set = add = delete = delete_many = _fail


@pytest.fixture
def now(monkeypatch):
    clock = [1_000_000.0]
    monkeypatch.setattr(breakers.time, "time", lambda: clock[0])
    yield clock
    cache.clear()


def breaker(shared=None, **patience):
    return Breaker("default>one", Patience(**patience), shared)


def test_it_rests_for_longer_each_time_and_no_longer_than_that(now):
    one, rests = breaker(retry_after=60, max_retry_after=200), []
    for _ in range(4):
        one.note_down()
        rests.append(one.seconds)
        now[0] += one.seconds
    for rest, expected in zip(rests, (60, 120, 200, 200), strict=True):
        assert expected * 0.9 <= rest <= expected * 1.1


def test_who_failed_at_the_same_time_does_not_make_it_rest_for_longer(now):
    one = breaker()
    for _ in range(5):
        one.note_down()
    assert one.seconds <= 66


def test_after_a_success_it_begins_anew(now):
    one = breaker()
    one.note_down()
    now[0] += 70
    one.note_success()
    assert one.health == "closed"
    one.note_down()
    assert one.seconds <= 66


def test_one_message_alone_tries_it(now):
    one = breaker()
    one.note_down()
    assert not one.admits()
    now[0] += 70
    admitted = []
    threads = [
        threading.Thread(target=lambda: admitted.append(one.admits())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admitted.count(True) == 1


def test_a_trial_that_never_ends_is_not_waited_for(now):
    one = breaker()
    one.note_down()
    now[0] += 70
    assert one.admits()
    now[0] += 61
    assert one.admits()


def test_a_word_between_two_that_were_put_off_counts(now):
    one = breaker(busy=3)
    for _ in range(2):
        one.note_busy()
    one.note_success()
    for _ in range(2):
        one.note_busy()
    assert one.health == "closed"
    one.note_busy()
    assert one.health == "open"


def test_processes_tell_each_other_through_a_cache(now):
    ours, theirs = breaker("default"), breaker("default")
    ours.note_down()
    assert theirs.health == "open"
    now[0] += 70
    assert [ours.admits(), theirs.admits()] == [True, False]
    ours.note_success()
    now[0] += 2
    assert theirs.health == "closed"


def test_without_a_cache_each_knows_for_itself(now):
    ours, theirs = breaker(), breaker()
    ours.note_down()
    assert (ours.health, theirs.health) == ("open", "closed")


def test_a_cache_that_is_down_costs_no_mail(now):
    location = f"{__name__}.Broken"
    with override_settings(CACHES={"default": {"BACKEND": location}}):
        one = breaker("default")
        assert one.admits()
        one.note_down()
        assert one.health == "open"
        now[0] += 70
        assert one.admits()
        one.note_success()
        assert one.health == "closed"


def test_its_repr_says_how_it_is():
    one = breaker()
    assert repr(one) == "<Breaker default>one: closed>"
    one.note_down()
    assert repr(one) == "<Breaker default>one: open>"
