"""Rows go from state to state, and of two who want one row one gets it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from outbox.bare_rows import ACCEPTED, let_leases_end, row, states, store

from django_mailplus.delivery import DeliveryResult, RecipientResult
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.clock import DatabaseNow as Now
from django_mailplus.outbox.judging.verdicts import Verdict, judge
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Recipient,
)
from django_mailplus.outbox.rows import claims, reaping, recording
from django_mailplus.outbox.states import Priority, State

pytestmark = pytest.mark.django_db


def claim(limit=10, *, worker="one", lease=60.0):
    return claims.claim("smtp", limit, worker=worker, lease=lease)


def test_what_is_due_is_claimed_once():
    store(5)
    first, second = claim(3), claim(9, worker="two")
    assert (len(first), len(second)) == (3, 2)
    assert not {m.id for m in first} & {m.id for m in second}
    assert claim() == []
    assert {m.attempts for m in first} == {1}
    assert {m.document for m in first} == {"{}"}


def test_the_order_is_priority_then_time():
    now = timezone.now()
    late = store(due_at=now - timedelta(minutes=1))
    early = store(due_at=now - timedelta(minutes=9))
    urgent = store(priority=Priority.URGENT)
    assert [m.id for m in claim()] == [m.pk for m in [*urgent, *early, *late]]


def test_what_is_not_due_or_for_another_mailer_stays():
    store(due_at=timezone.now() + timedelta(hours=1))
    store(mailer="other")
    store(state=State.HELD)
    assert claim() == []


def test_sent_mails_are_recorded_together(django_assert_num_queries):
    store(20)
    mails = claim(20)
    with django_assert_num_queries(2):  # one UPDATE, one INSERT
        states_now = recording.record([(mail, ACCEPTED) for mail in mails])
    assert states_now == {mail.id: State.SENT for mail in mails}
    assert states() == ["sent"] * 20
    assert Attempt.objects.filter(outcome="accepted", text="ok").count() == 20
    assert row(mails[0]).finalised_at is not None


def test_whoever_was_presumed_dead_changes_nothing():
    store(2)
    mails = claim(lease=-1)
    assert reaping.reap() == 2
    [again, _] = claim(worker="two")
    assert recording.record([(mails[0], ACCEPTED), (mails[1], ACCEPTED)]) == {}
    assert states() == ["sending", "sending"]
    assert row(again).claimed_by == "two"
    assert claims.renew(mails, 60) == 0
    claims.release(mails)
    assert states() == ["sending", "sending"]


@pytest.mark.parametrize(("hold", "state"), [(True, "unknown"), (False, "queued")])
def test_mails_of_the_dead(hold, state):
    [mail] = store(hold_unknown=hold)
    claim()
    assert row(mail).handover_started_at is not None
    let_leases_end()
    assert reaping.reap() == 1
    assert (row(mail).state, row(mail).attempts) == (state, 1)
    assert Attempt.objects.get().outcome == "unknown"


def test_what_was_not_begun_is_given_back():
    [mail] = store()
    claims.release(claim())
    assert (row(mail).state, row(mail).attempts) == ("queued", 0)


def test_a_retry_waits_and_keeps_its_priority():
    store(priority=Priority.HIGH)
    [mail] = claim()
    wait = timedelta(seconds=60)
    later = Verdict(state=State.QUEUED, outcome="transient", code=451, wait=wait)
    recording.record([(mail, later)])
    found = row(mail)
    assert found.due_at > timezone.now() + timedelta(seconds=55)
    assert (found.state, found.priority, found.attempts) == ("queued", 2, 1)
    assert (found.lease_until, found.handover_started_at) == (None, None)


def test_trouble_of_the_mailer_is_no_attempt():
    store()
    [mail] = claim()
    down = Verdict(state=State.QUEUED, outcome="mailer", counts=False, trouble="down")
    recording.record([(mail, down)])
    assert (row(mail).attempts, row(mail).state) == (0, "queued")


def told(**kinds):
    return DeliveryResult(
        recipients=tuple(
            RecipientResult(address=f"{name}@example.com", kind=kind, code=250)
            for name, kind in kinds.items()
        )
    )


def test_recipients_have_rows_once_their_fates_differ():
    store()
    [mail] = claim()
    first = judge(told(bob="accepted", carol="transient"), None, attempts=1)
    recording.record([(mail, first)])
    assert dict(Recipient.objects.values_list("address", "state")) == {
        "bob@example.com": "sent",
        "carol@example.com": "queued",
    }
    OutboxMessage.objects.update(due_at=Now())
    [mail] = claim()
    sealed = {"bob@example.com": State.SENT}
    second = judge(told(carol="permanent"), None, attempts=2, settled=sealed)
    recording.record([(mail, second)])
    assert row(mail).state == "partial"
    assert dict(Recipient.objects.values_list("address", "state")) == {
        "bob@example.com": "sent",
        "carol@example.com": "failed",
    }


def test_a_claim_knows_how_much_time_is_left():
    now = timezone.now()
    store(give_up_at=now + timedelta(hours=1))
    store(expires_at=now + timedelta(minutes=1), give_up_at=now - timedelta(hours=1))
    lasting, expiring = claim()
    assert lasting.expires_in == float("inf")
    assert 3590 < lasting.give_up_in < 3610
    assert 50 < expiring.expires_in < 61
    assert expiring.give_up_in < 0


def test_the_next_try_is_no_later_than_the_end():
    expiry = timezone.now() + timedelta(seconds=5)
    store(expires_at=expiry)
    store()
    waiting = judge(told(bob="transient"), None, attempts=1)
    recording.record([(mail, waiting) for mail in claim()])
    first, second = OutboxMessage.objects.order_by("id")
    assert first.due_at == expiry
    assert second.due_at > timezone.now() + timedelta(seconds=10)


def test_what_expires_has_perhaps_reached_some():
    store(attempts=1)
    [mail] = claim()
    differing = judge(told(bob="accepted", carol="transient"), None, attempts=1)
    recording.record([(mail, differing)])
    OutboxMessage.objects.update(due_at=Now())
    [mail] = claim()
    recording.record([(mail, Verdict(state=State.EXPIRED, outcome="expired"))])
    assert states() == ["partial"]
    assert set(Recipient.objects.values_list("state", flat=True)) == {"sent", "expired"}


def test_people_hold_release_cancel_and_try_again():
    store()
    everything = OutboxMessage.objects.all()
    assert transitions.hold(everything) == 1
    assert claim() == []
    assert transitions.unhold(everything) == 1
    assert transitions.cancel(everything) == 1
    assert states() == ["cancelled"]
    assert transitions.requeue(everything) == 1
    [mail] = claim()
    assert transitions.cancel(everything) == 0  # it is on its way
    recording.record([(mail, ACCEPTED)])
    assert transitions.retry(everything) == 0  # it has arrived
    assert transitions.requeue(everything) == 1  # but may be sent once more
    assert states() == ["queued"]


def test_what_was_to_be_sent_later_keeps_its_time_when_it_is_released():
    later = timezone.now() + timedelta(hours=2)
    store(due_at=later)
    transitions.hold(OutboxMessage.objects.all())
    assert transitions.unhold(OutboxMessage.objects.all()) == 1
    assert OutboxMessage.objects.get().due_at == later
    assert claim() == []


# --- Time that a mail could not use --------------------------------------------------

DAY = timedelta(days=1)


def ago(**how):
    return timezone.now() - timedelta(**how)


def left(mail):
    found = row(mail)
    return (found.give_up_at - found.due_at).total_seconds()


def let_go_of_held():
    transitions.hold(OutboxMessage.objects.all())
    return transitions.unhold(OutboxMessage.objects.all())


def resumed():
    pausing.pause_by_hand("smtp", "")
    return transitions.resume("smtp")


def tried_now():
    return transitions.retry(OutboxMessage.objects.all())


@pytest.mark.parametrize("let_go", [let_go_of_held, tried_now])
@pytest.mark.parametrize("max_age", [0, 60, 86_400, 30 * 86_400])
def test_who_was_kept_from_leaving_has_as_much_time_as_before(let_go, max_age):
    due, end = ago(days=7), ago(days=-1)
    [mail] = store(
        due_at=due, give_up_at=due + timedelta(seconds=max_age), expires_at=end
    )
    assert let_go()
    assert left(mail) == pytest.approx(max_age, abs=0.01)
    # What is due keeps its place before those that came later.
    assert (row(mail).due_at == due) is (let_go is tried_now)
    assert row(mail).expires_at == end
    [found] = claim()
    assert found.give_up_in > max_age - 20


def test_what_is_tried_before_its_time_has_as_long_as_it_would_have_had():
    later = ago(days=-30)
    [mail] = store(due_at=later, give_up_at=later + timedelta(hours=1))
    assert tried_now() == 1
    assert row(mail).due_at < ago(seconds=-20)
    assert left(mail) == pytest.approx(3_600, abs=0.01)


@pytest.mark.parametrize("let_go", [let_go_of_held, resumed])
def test_who_had_to_wait_anyway_keeps_the_time(let_go):
    due, end = ago(hours=-1), ago(hours=-2)
    [mail] = store(due_at=due, give_up_at=end)
    let_go()
    assert (row(mail).due_at, row(mail).give_up_at) == (due, end)


def test_a_mail_that_was_held_is_tried_more_than_once():
    store(due_at=ago(days=3), give_up_at=ago(days=2))
    let_go_of_held()
    [mail] = claim()
    seconds = timedelta(seconds=mail.give_up_in)
    verdict = judge(told(bob="transient"), None, attempts=1, left=seconds)
    assert verdict.state == State.QUEUED


def test_a_mailer_that_is_not_paused_gives_nothing_back():
    [mail] = store(due_at=ago(hours=1))
    before = row(mail)
    assert not transitions.resume("smtp")
    assert row(mail).due_at == before.due_at


def test_another_mailers_mails_are_not_concerned():
    [mail] = store(mailer="other", due_at=ago(hours=1), give_up_at=ago(minutes=1))
    before = row(mail)
    resumed()
    assert (row(mail).due_at, row(mail).give_up_at) == (
        before.due_at,
        before.give_up_at,
    )


@pytest.fixture
def kept_waiting():
    """A mail with five minutes for its tries, which became due three days ago."""
    due = ago(days=3)
    [mail] = store(due_at=due, give_up_at=due + timedelta(minutes=5))
    return mail


def test_what_keeps_a_mail_from_being_claimed_takes_none_of_its_time(kept_waiting):
    [first] = claim()
    assert first.give_up_in == pytest.approx(300, abs=1)
    seconds = timedelta(seconds=first.give_up_in)
    trouble = Verdict(state=State.QUEUED, outcome="mailer", counts=False, left=seconds)
    recording.record([(first, trouble)])
    assert left(kept_waiting) == pytest.approx(300, abs=1)
    OutboxMessage.objects.update(
        due_at=F("due_at") - DAY, give_up_at=F("give_up_at") - DAY
    )
    [second] = claim()
    assert second.give_up_in == pytest.approx(300, abs=1)


def test_nor_does_a_worker_that_dies(kept_waiting):
    claim()
    let_leases_end()
    assert reaping.reap() == 1
    assert row(kept_waiting).state == "queued"
    assert left(kept_waiting) == pytest.approx(300, abs=20)


def test_a_mail_that_is_known_to_have_arrived_was_waited_for_by_nobody():
    [mail] = store(state=State.UNKNOWN)
    for address, state in [("bob", "unknown"), ("carol", "failed"), ("dan", "queued")]:
        Recipient.objects.create(mail=mail, address=address, state=state)
    assert transitions.mark_sent(OutboxMessage.objects.all()) == 1
    assert row(mail).state == "sent"
    fates = dict(Recipient.objects.values_list("address", "state"))
    assert fates == {"bob": "sent", "carol": "failed", "dan": "sent"}
