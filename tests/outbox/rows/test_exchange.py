"""Outcomes in and mails out at once, whatever way a database does it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from outbox.bare_rows import ACCEPTED, let_leases_end, row, states, store

from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.models import Attempt, OutboxMessage
from django_mailplus.outbox.rows import claims, reaping
from django_mailplus.outbox.rows.exchange import exchange
from django_mailplus.outbox.states import Priority, State

pytestmark = pytest.mark.django_db


def turn(told=(), limit=10, worker="one", **options):
    known = {"mailer": "smtp", "worker": worker, "lease": 60.0}
    return exchange(told, limit=limit, token=claims.new_token(), **known, **options)


def sent(claims):
    return [(claim, ACCEPTED) for claim in claims]


def test_what_was_sent_goes_in_and_the_next_ones_come_out():
    store(5)
    _, first = turn(limit=3)
    ours, second = turn(sent(first), limit=3)
    assert ours == {claim.id: State.SENT for claim in first}
    assert len(second) == 2
    assert turn(sent(second), limit=3) == (
        {claim.id: State.SENT for claim in second},
        [],
    )
    assert states() == ["sent"] * 5
    tries = Attempt.objects.values_list("worker", "mailer", "outcome", "code", "text")
    assert set(tries) == {("one", "smtp", "accepted", 250, "ok")}
    assert Attempt.objects.count() == 5
    [done] = {row(claim).finalised_at for claim in first}
    assert done is not None
    assert row(first[0]).lease_until is None


def test_all_there_is_to_know_comes_out():
    [mail] = store(
        hold_unknown=True,
        sensitive=True,
        expires_at=timezone.now() + timedelta(hours=1),
    )
    _, [claim] = turn()
    assert claim.id == mail.pk
    assert (claim.worker, claim.mailer, claim.attempts) == ("one", "smtp", 1)
    assert (claim.hold_unknown, claim.sensitive, claim.document) == (True, True, "{}")
    # By the clock of the database, which on SQLite rounds to milliseconds.
    assert 3_500 < claim.expires_in < 3_601
    assert 86_390 < claim.give_up_in < 86_410
    found = row(mail)
    assert (found.state, found.claimed_by) == ("sending", "one")
    assert found.claim_token == claim.token
    assert found.lease_until > timezone.now() + timedelta(seconds=50)


def test_the_order_is_priority_then_time_and_the_limit_counts_all():
    now = timezone.now()
    late = store(2, due_at=now - timedelta(minutes=1))
    early = store(due_at=now - timedelta(minutes=9))
    urgent = store(2, priority=Priority.URGENT, due_at=now)
    store(due_at=now + timedelta(hours=1))
    store(mailer="another")
    _, found = turn(limit=4)
    assert [claim.id for claim in found] == [m.pk for m in [*urgent, *early, late[0]]]


def test_whoever_was_presumed_dead_changes_nothing_and_hears_so():
    store(3)
    _, mine = turn(worker="one")
    let_leases_end()
    assert reaping.reap() == 3
    _, theirs = turn(worker="two", limit=2)
    Attempt.objects.all().delete()
    ours, _ = turn(sent(mine), limit=0)
    assert ours == {}
    assert states() == ["queued", "sending", "sending"]
    assert Attempt.objects.count() == 3  # they were made
    assert {row(claim).claimed_by for claim in theirs} == {"two"}


def test_telling_again_what_was_recorded_does_no_harm():
    """As after a commit whose answer was lost."""
    store(2)
    _, mine = turn()
    turn(sent(mine))
    ours, _ = turn(sent(mine))
    assert set(ours.values()) == {State.SENT}
    assert Attempt.objects.count() == 2


def test_nor_does_it_for_outcomes_of_other_kinds_and_some_that_are_new():
    store(4)
    _, mine = turn()
    refused = Verdict(state=State.FAILED, outcome="permanent", code=550, text="no")
    later = Verdict(state=State.QUEUED, outcome="transient", code=450, text="later")
    verdicts = [ACCEPTED, refused, later, ACCEPTED]
    told = list(zip(mine, verdicts, strict=True))
    turn(told[:3], limit=0)
    ours, _ = turn(told, limit=0)
    assert ours == {claim.id: verdict.state for claim, verdict in told}
    tries = Attempt.objects.values_list("mail", "outcome")
    assert sorted(tries) == sorted((c.id, v.outcome) for c, v in told)


@pytest.mark.parametrize("granted", [0, 1, 9])
def test_a_rate_decides_how_many_come_out(granted):
    store(3)
    asked = []

    def grant(wanted):
        asked.append(wanted)
        return min(granted, wanted)

    _, found = turn(grant=grant)
    assert asked == [3]
    assert len(found) == min(granted, 3)


def test_what_was_claimed_without_an_answer_is_found_again():
    store(3)
    _, found = turn(limit=2)
    again = claims.recover([found[0].token, "none"], worker="one", mailer="smtp")
    assert {claim.id for claim in again} == {claim.id for claim in found}
    assert again[0].token == found[0].token
    turn(sent(found), limit=0)
    assert claims.recover([found[0].token], worker="one", mailer="smtp") == []


def test_outcomes_of_all_kinds_go_in_together():
    store(2)
    _, [good, bad] = turn(limit=2)
    refused = Verdict(state=State.FAILED, outcome="permanent", code=550, text="no")
    ours, _ = turn([(good, ACCEPTED), (bad, refused)])
    assert ours == {good.id: State.SENT, bad.id: State.FAILED}
    assert (row(bad).code, row(bad).text) == (550, "no")


def test_a_second_try_leaves_no_words_of_the_first():
    store()
    _, [claim] = turn()
    later = Verdict(state=State.QUEUED, outcome="transient", code=450, text="later")
    turn([(claim, later)], limit=0)
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    _, [again] = turn()
    assert again.attempts == 2
    turn([(again, replace(ACCEPTED, code=250, text="ok"))], limit=0)
    assert (row(again).state, row(again).code, row(again).text) == ("sent", 250, "ok")
