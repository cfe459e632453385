"""Requests at the same moment, on databases that run them so: see tests/test_elsewhere.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection, transaction
from verification_stage import links_of, make_user

from django_mailplus.templated.recipient import email_of
from django_mailplus.verification import (
    is_email_verified,
    send_verification_email,
    start_email_change,
    verify_email_address,
)
from django_mailplus.verification.change_links import cancel_link, confirm_change_link
from django_mailplus.verification.codes import put_code, try_code
from django_mailplus.verification.models import EmailAddress, SendingAllowance
from django_mailplus.verification.proofs import confirm_link
from django_mailplus.verification.throttle import Limit, claim

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite" and connection.is_in_memory_db(),
        reason="SQLite in memory has one connection",
    ),
]
BASE = "https://shop.example.com"
CROWD = 12


@pytest.fixture(autouse=True)
def base_url(settings):
    settings.MAILPLUS = {"BASE_URL": BASE}


def at_once(*functions):
    """What each returns when all start together, each with a connection of its own."""
    barrier = Barrier(len(functions))

    def run(function):
        try:
            barrier.wait()
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(run, functions))


def parts_of(url):
    return url.strip("/").split("/")[-2:]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("cooldown", "per_day", "taken"), [(60, 5, 1), (0, 5, 5)])
def test_the_last_allowance_is_taken_once(cooldown, per_day, taken, known):
    limit = Limit(cooldown=timedelta(seconds=cooldown), per_day=per_day)
    if known:
        claim("key", limit)
        SendingAllowance.objects.update(
            last_sent_at="2000-01-01T00:00Z", window_started_at="2000-01-01T00:00Z"
        )
    waits = at_once(*[lambda: claim("key", limit)] * CROWD)
    assert waits.count(None) == taken
    assert SendingAllowance.objects.get().sent_count == taken


def test_one_mail_leaves(user):
    results = at_once(*[lambda: send_verification_email(user, base_url=BASE)] * CROWD)
    assert sorted({r.status for r in results}) == ["sent", "throttled"]
    assert len(mail.outbox) == 1
    assert EmailAddress.objects.count() == 1


def test_every_forced_mail_works(user):
    send = lambda: send_verification_email(user, base_url=BASE, force=True)  # noqa: E731
    assert {r.status for r in at_once(*[send] * CROWD)} == {"sent"}
    assert EmailAddress.objects.count() == 1
    assert len(mail.outbox) == CROWD
    for message in mail.outbox:
        outcome, _ = confirm_link(*parts_of(links_of(message)["verify"]))
        assert outcome in ("verified", "already_verified")


def test_three_tries_for_a_crowd(user):
    row = EmailAddress.of(user, email_of(user))
    code = put_code(user, row)
    row.save()
    right = at_once(*[lambda: try_code(user, row, code)] * CROWD)
    assert right.count(True) == 3
    assert EmailAddress.objects.get().code_attempts == 3


def test_a_link_is_used_by_a_crowd(user):
    send_verification_email(user, base_url=BASE)
    parts = parts_of(links_of(mail.outbox[0])["verify"])
    outcomes = [o for o, _ in at_once(*[lambda: confirm_link(*parts)] * CROWD)]
    assert sorted(outcomes) == ["already_verified"] * (CROWD - 1) + ["verified"]


def test_two_users_prove_one_address(user):
    other = make_user("other", "ANN@example.com")
    for person in (user, other):
        send_verification_email(person, base_url=BASE, force=True)
    links = [parts_of(links_of(message)["verify"]) for message in mail.outbox]
    outcomes = [
        outcome
        for outcome, _ in at_once(
            *[lambda p=parts: confirm_link(*p) for parts in links]
        )
    ]
    assert sorted(outcomes) == ["taken", "verified"]
    assert [is_email_verified(user), is_email_verified(other)].count(True) == 1


@pytest.mark.parametrize("times", range(5))
def test_the_new_address_confirms_while_the_old_one_stops_it(user, times):
    verify_email_address(user)
    start_email_change(user, "new@example.com", base_url=BASE)
    mails = {message.to[0]: links_of(message) for message in mail.outbox}
    change = parts_of(mails["new@example.com"]["change"])
    cancel = parts_of(mails["ann@example.com"]["cancel"])
    (changed, _), (cancelled, _) = at_once(
        lambda: confirm_change_link(*change), lambda: cancel_link(*cancel)
    )
    assert (changed, cancelled) in [("changed", "undone"), (None, "cancelled")]
    user.refresh_from_db()
    assert email_of(user) == "ann@example.com"
    assert is_email_verified(user)


@pytest.mark.parametrize("times", range(5))
def test_another_change_starts_while_the_first_is_confirmed(user, times):
    """CVE-2026-32700: the address that is proved is the one that was mailed."""
    verify_email_address(user)
    start_email_change(user, "mine@example.com", base_url=BASE)
    link = parts_of(links_of(mail.outbox[-1])["change"])
    at_once(
        lambda: confirm_change_link(*link),
        lambda: start_email_change(user, "victim@example.com", base_url=BASE),
    )
    user.refresh_from_db()
    assert email_of(user) in ("ann@example.com", "mine@example.com")
    assert is_email_verified(user)
    assert not is_email_verified(user, email="victim@example.com")


def test_many_changes_start_at_once(user):
    addresses = [f"new{n}@example.com" for n in range(CROWD)]
    at_once(
        *[
            lambda a=address: start_email_change(user, a, base_url=BASE)
            for address in addresses
        ]
    )
    (row,) = EmailAddress.objects.filter(purpose="change")
    good = []
    for message in mail.outbox:
        if "change" in (links := links_of(message)):
            outcome, _ = confirm_change_link(*parts_of(links["change"]))
            good += [message.to[0]] if outcome == "changed" else []
    assert good == [row.email]


@pytest.mark.parametrize("times", range(5))
def test_two_users_change_to_one_address(user, times):
    other = make_user("other", "other@example.com")
    links = []
    for person in (user, other):
        verify_email_address(person)
        SendingAllowance.objects.all().delete()
        start_email_change(person, "new@example.com", base_url=BASE)
        links.append(parts_of(links_of(mail.outbox[-1])["change"]))
    outcomes = [
        outcome
        for outcome, _ in at_once(
            *[lambda p=parts: confirm_change_link(*p) for parts in links]
        )
    ]
    assert sorted(outcomes) == ["changed", "taken"]
    for person in (user, other):
        person.refresh_from_db()
        assert is_email_verified(person)
    assert [email_of(user), email_of(other)].count("new@example.com") == 1


def test_sending_inside_transactions(user):
    """As with ATOMIC_REQUESTS: the allowance is locked until the end of each."""
    if connection.vendor == "sqlite":
        pytest.skip("its transactions are to begin with a write: see transaction_mode")
    others = [make_user(f"u{n}", user.email) for n in range(2)]

    def send(person):
        with transaction.atomic():
            return send_verification_email(person, base_url=BASE)

    for statuses in (["queued", "throttled", "throttled"], ["throttled"] * 3):
        results = at_once(*[lambda p=person: send(p) for person in (user, *others)])
        assert sorted(r.status for r in results) == statuses
    assert len(mail.outbox) == 1


def test_the_address_changes_elsewhere_while_the_link_is_used(user):
    send_verification_email(user, base_url=BASE)
    parts = parts_of(links_of(mail.outbox[0])["verify"])

    def elsewhere():
        type(user).objects.filter(pk=user.pk).update(email="victim@example.com")

    at_once(lambda: confirm_link(*parts), elsewhere)
    user.refresh_from_db()
    assert not is_email_verified(user)
