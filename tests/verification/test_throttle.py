"""One conditional UPDATE decides who may send."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from verification_stage import queries

from django_mailplus.verification.models import SendingAllowance
from django_mailplus.verification.throttle import (
    Limit,
    claim,
    claim_address,
    prune,
    wait_for,
)

MINUTE = Limit(cooldown=timedelta(minutes=1), per_day=3)
KEY = "k" * 64


def let_pass(**span):
    """As if this much time had gone by."""
    for row in SendingAllowance.objects.all():
        row.last_sent_at -= timedelta(**span)
        row.window_started_at -= timedelta(**span)
        row.save()


def test_the_first_is_free_and_the_second_waits():
    assert claim(KEY, MINUTE) is None
    wait = claim(KEY, MINUTE)
    assert timedelta(seconds=55) < wait <= timedelta(minutes=1)
    let_pass(seconds=61)
    assert claim(KEY, MINUTE) is None


def test_so_many_a_day():
    for _ in range(3):
        assert claim(KEY, MINUTE) is None
        let_pass(minutes=2)
    wait = claim(KEY, MINUTE)
    assert timedelta(hours=23) < wait < timedelta(days=1)
    let_pass(hours=24)
    assert claim(KEY, MINUTE) is None
    let_pass(minutes=2)
    assert claim(KEY, MINUTE) is None  # the second of the new day


def test_a_refusal_is_not_counted():
    assert claim(KEY, MINUTE) is None
    for _ in range(10):
        assert claim(KEY, MINUTE) is not None
    assert SendingAllowance.objects.get().sent_count == 1


def test_others_are_not_held_back():
    assert claim(KEY, MINUTE) is None
    assert claim("other", MINUTE) is None


def test_a_sending_costs_two_queries():
    for _ in range(2):
        with queries() as captured:
            claim(KEY, MINUTE)
        assert len(captured()) == 2
        let_pass(minutes=2)


@pytest.mark.parametrize(("hours", "left"), [(1, 1), (25, 0)])
def test_prune_forgets_what_limits_nothing(hours, left):
    claim(KEY, MINUTE)
    let_pass(hours=hours)
    assert prune() == 1 - left
    assert SendingAllowance.objects.count() == left


def test_a_clock_that_was_put_back_does_not_open_the_door():
    claim(KEY, MINUTE)
    SendingAllowance.objects.update(last_sent_at=timezone.now() + timedelta(hours=1))
    assert claim(KEY, MINUTE) >= timedelta(hours=1)


@pytest.mark.parametrize(
    "spelling",
    [
        "ANN@bücher.example",
        '"ann"@bücher.example',
        r'"a\nn"@bücher.example',
        "ann@xn--bcher-kva.example",
        "ann@bücher.example.",
        "\N{FULLWIDTH LATIN SMALL LETTER A}nn@bücher.example",
    ],
)
def test_one_mailbox_however_it_is_spelled(spelling):
    assert claim_address("ann@bücher.example") is None
    assert claim_address(spelling) is not None


@pytest.mark.parametrize(
    "other", ["ann@bucher.example", "an@bücher.example", "@", '"@x']
)
def test_another_mailbox(other):
    assert claim_address("ann@bücher.example") is None
    assert claim_address(other) is None


def test_without_time_zones(settings):
    settings.USE_TZ = False
    assert claim(KEY, MINUTE) is None
    assert claim(KEY, MINUTE) > timedelta(seconds=55)


def test_how_long_an_address_waits():
    assert wait_for("ann@example.com") is None
    claim_address("ann@example.com")
    assert timedelta(seconds=55) < wait_for("ann@example.com") <= timedelta(minutes=1)
    let_pass(hours=23)
    assert wait_for("ann@example.com") == timedelta(0)
    let_pass(hours=1)
    assert wait_for("ann@example.com") is None
