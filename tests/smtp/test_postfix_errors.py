"""A real Postfix that ends the session after some errors: RFC 5321 section 4.3.2, 421."""

from __future__ import annotations

import smtplib

import pytest
from smtp.postfix_fates import (
    arrivals,
    expected,
    mails,
    outcome,
    start_strict,
    told,
)
from smtp.postfix_mail import backend, said

REFUSALS = {
    "gone": smtplib.SMTPRecipientsRefused,
    "later": smtplib.SMTPRecipientsRefused,
    "stranger": smtplib.SMTPSenderRefused,
    "header": smtplib.SMTPDataError,
    "body": smtplib.SMTPDataError,
    "large": smtplib.SMTPDataError,
}
"""Fates with one recipient, and what sending raises."""

PIPED = "size"
CLASSIC = "pipelining size"
"""What Postfix does not offer: with SIZE, we would refuse a large message ourselves."""

TAKEN = [("accepted", 250, "2.1.5")]


def start_short(start, limit, hidden=PIPED, **settings):
    return start_strict(
        start,
        smtpd_hard_error_limit=limit,
        smtpd_discard_ehlo_keywords=hidden,
        smtpd_delay_reject="no",
        **settings,
    )


def test_a_server_that_answers_errors_slowly(start, written):
    postfix = start_strict(start, smtpd_soft_error_limit=1, smtpd_error_sleep_time="1s")
    fates = ["taken", "header", "taken"]
    messages = mails(fates)
    assert backend(postfix, fail_silently=True).send_messages(messages) == 2
    assert list(map(outcome, messages)) == list(map(told, fates))
    assert arrivals(postfix) == expected(messages, written, fates)


@pytest.mark.parametrize(
    ("hidden", "limit"),
    [(PIPED, 1), (PIPED, 2), (CLASSIC, 1)],
    ids=["piped-1", "piped-2", "classic-1"],
)
@pytest.mark.parametrize("fate", REFUSALS)
def test_messages_behind_the_last_error_go_out(start, written, fate, hidden, limit):
    postfix = start_short(start, limit, hidden)
    fates = ["taken", fate, fate, "taken", "taken", fate, fate, fate, "taken"]
    messages = mails(fates)
    assert backend(postfix, fail_silently=True).send_messages(messages) == 4
    assert list(map(outcome, messages)) == list(map(told, fates))
    assert arrivals(postfix) == expected(messages, written, fates)


def test_messages_behind_the_last_error_go_out_over_several_connections(start, written):
    postfix = start_short(start, 1)
    fates = ["taken", "header", "taken", "taken"] * 15
    messages = mails(fates)
    sender = backend(postfix, fail_silently=True, concurrency=2)
    assert sender.send_messages(messages) == 45
    assert list(map(outcome, messages)) == list(map(told, fates))
    assert arrivals(postfix) == expected(messages, written, fates)


@pytest.mark.parametrize("fate", ["nobody", "partly"])
def test_the_last_error_amid_the_recipients(start, written, fate):
    postfix = start_short(start, 1)
    fates = ["taken", fate, "taken", fate, "taken"]
    messages = mails(fates)
    assert backend(postfix, fail_silently=True).send_messages(messages) == 3
    for message in messages[1::2]:
        first, *others = said(message)
        assert first == ("permanent", 550, "5.1.1")
        assert {kind for kind, _, _ in others} == {"transient"}
    assert [said(message) for message in messages[::2]] == [TAKEN] * 3
    assert arrivals(postfix) == expected(messages[::2], written[::2], fates[::2])


def test_as_many_errors_as_postfix_allows_by_default(start, written):
    postfix = start_short(start, 20)
    fates = ["taken", *["gone"] * 45, "taken"]
    messages = mails(fates)
    assert backend(postfix, fail_silently=True).send_messages(messages) == 2
    assert list(map(outcome, messages)) == list(map(told, fates))
    assert arrivals(postfix) == expected(messages, written, fates)


def test_nothing_of_the_neighbours_is_lost_or_doubled(start, written):
    postfix = start_short(start, 1)
    fates = ["taken", "gone", "taken", "header", "taken", "large", "taken", "later"]
    messages = left = mails(fates)
    while left:
        backend(postfix, fail_silently=True).send_messages(left)
        # As somebody would do who sees to it: again what the server did not answer.
        left = [message for message in left if outcome(message).reply[0] in (None, 421)]
        written[len(messages) :] = []
    assert list(map(outcome, messages)) == list(map(told, fates))
    arrived = [said_to for _, said_to in arrivals(postfix)]
    assert sorted(arrived) == sorted(message.to for message in messages[::2])


@pytest.mark.parametrize("hidden", [PIPED, CLASSIC], ids=["piped", "classic"])
@pytest.mark.parametrize("fate", REFUSALS)
def test_the_refusal_is_raised_and_not_what_came_of_it(start, fate, hidden):
    postfix = start_short(start, 1, hidden)
    [message] = mails([fate])
    with pytest.raises(REFUSALS[fate]):
        backend(postfix).send_messages([message])
    assert outcome(message) == told(fate)
