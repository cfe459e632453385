"""What a real Postfix refuses is told as it said it, and harms nothing beside it."""

from __future__ import annotations

import smtplib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smtp.postfix_fates import (
    FATES,
    arrivals,
    expected,
    mails,
    outcome,
    start_strict,
    told,
)
from smtp.postfix_mail import backend, batch, mail, said

from django_mailplus.exceptions import PartialDeliveryError

MOST = ["taken"] * 30
TWO_HUNDRED = ([*FATES, *MOST, "nobody", "gone", "gone", "header"] * 5)[:200]
"""Some refused ones in a row, and many that are not."""

ERRORS = {
    "gone": smtplib.SMTPRecipientsRefused,
    "later": smtplib.SMTPRecipientsRefused,
    "nobody": smtplib.SMTPRecipientsRefused,
    "header": smtplib.SMTPDataError,
    "body": smtplib.SMTPDataError,
}

SERVERS = {
    "as-it-is": {},
    "at-once": {"smtpd_delay_reject": "no"},
    "measured": {"smtpd_discard_ehlo_keywords": "size"},
    "classic": {"smtpd_discard_ehlo_keywords": "pipelining"},
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_refused_among_two_hundred(start, written, server, concurrency):
    postfix = start_strict(start, **SERVERS[server])
    sender = backend(
        postfix, concurrency=concurrency, fail_silently=True, pool_messages=None
    )
    messages = mails(TWO_HUNDRED)
    sent = sum(fate in ("taken", "partly") for fate in TWO_HUNDRED)
    assert sender.send_messages(messages) == sent
    assert list(map(outcome, messages)) == list(map(told, TWO_HUNDRED))
    assert arrivals(postfix) == expected(messages, written, TWO_HUNDRED)
    assert sender.pool.stats.opened == concurrency  # none was broken


def test_all_failures_of_a_batch_at_once(start, written):
    postfix = start_strict(start)
    messages = mails(TWO_HUNDRED)
    with pytest.raises(PartialDeliveryError) as raised:
        backend(postfix, concurrency=4).send_messages(messages)
    failed = [message for message, _ in raised.value.failures]
    wrong = [m for m in messages if not m.delivery_result.accepted]
    assert sorted(map(id, failed)) == sorted(map(id, wrong))
    for message, error in raised.value.failures:
        fate = message.subject.split()[1]
        assert isinstance(error, ERRORS.get(fate, smtplib.SMTPException))
    assert raised.value.sent == 200 - len(failed)
    assert list(map(outcome, messages)) == list(map(told, TWO_HUNDRED))
    assert arrivals(postfix) == expected(messages, written, TWO_HUNDRED)


@pytest.mark.parametrize("server", ["at-once", "classic"])
@pytest.mark.parametrize(
    "fate", [fate for fate in FATES if fate not in ("taken", "partly")]
)
def test_the_first_refusal_ends_a_batch(start, written, server, fate):
    postfix = start_strict(start, **SERVERS[server])
    fates = ["taken", "partly", "taken", fate, "taken", "taken"]
    messages = mails(fates)
    with pytest.raises(ERRORS.get(fate, smtplib.SMTPException)):
        backend(postfix).send_messages(messages)
    assert list(map(outcome, messages[:4])) == list(map(told, fates[:4]))
    assert [said(message) for message in messages[4:]] == [
        [("transient", None, "")]
    ] * 2
    # What was told unsent was not sent: again, and it arrives once.
    assert backend(postfix).send_messages(messages[4:]) == 2
    texts = [*written[:4], *written[-2:]]
    assert arrivals(postfix) == expected(messages, texts, fates)


@pytest.fixture
def any_batch(start):
    """Postfix for all examples of one test."""
    return start_strict(start, smtpd_discard_ehlo_keywords="size")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fates=st.lists(st.sampled_from(list(FATES)), min_size=1, max_size=12),
    concurrency=st.sampled_from([1, 1, 3]),
)
def test_refusals_in_any_order(any_batch, written, fates, concurrency):
    any_batch.sink.taken.clear()
    written.clear()
    messages = mails(fates)
    sender = backend(any_batch, concurrency=concurrency, fail_silently=True)
    sender.send_messages(messages)
    assert list(map(outcome, messages)) == list(map(told, fates))
    assert arrivals(any_batch) == expected(messages, written, fates)


def test_more_recipients_than_a_message_may_have(start):
    postfix = start(smtpd_recipient_limit=50)
    to = [f"bob{number}@example.com" for number in range(60)]
    messages = [mail(1), mail(2, to), mail(3)]
    assert backend(postfix).send_messages(messages) == 3
    wanted = [("accepted", 250, "2.1.5")] * 50 + [("transient", 452, "4.5.3")] * 10
    assert said(messages[1]) == wanted
    taken = {one.sender: one.recipients for one in postfix.delivered()}
    assert sorted(taken["ann2@example.com"]) == sorted(to[:50])


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_full_disk(start, concurrency):
    postfix = start(queue_minfree=10**15, smtpd_hard_error_limit=1000)
    messages = batch(30)
    sender = backend(postfix, concurrency=concurrency, fail_silently=True)
    assert sender.send_messages(messages) == 0
    assert [said(message) for message in messages] == [
        [("transient", 452, "4.3.1")]
    ] * 30
    with pytest.raises(smtplib.SMTPSenderRefused) as raised:
        backend(postfix).send_messages([mail(99)])
    assert raised.value.smtp_code == 452
    assert postfix.delivered() == []
