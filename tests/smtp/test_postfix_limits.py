"""A real Postfix that allows us little: connections, messages, errors."""

from __future__ import annotations

import smtplib

import pytest
from smtp.pool_stage import eventually
from smtp.postfix_mail import backend, batch, in_order, mail, numbers, said
from smtp.postfix_stage import HOST

from django_mailplus.delivery import classify

TAKEN = [("accepted", 250, "2.1.5")]


def test_fewer_connections_than_asked_for(start, written):
    postfix = start(smtpd_client_connection_count_limit=2)
    messages = batch(150)
    sender = backend(postfix, concurrency=4)
    assert sender.send_messages(messages) == 150
    assert in_order(postfix.delivered()) == written
    assert sender.pool.stats.failed == 2


def test_no_connection_left(start):
    postfix = start(smtpd_client_connection_count_limit=1)
    messages = batch(2)
    with smtplib.SMTP(HOST, postfix.port, timeout=20) as other:
        other.noop()
        with pytest.raises(smtplib.SMTPConnectError) as raised:
            backend(postfix).send_messages(messages)
    assert raised.value.smtp_code == 421
    assert classify(raised.value) == "mailer"
    assert [said(message) for message in messages] == [[("transient", None, "")]] * 2
    eventually(lambda: postfix.log.count("disconnect from") == 2)
    assert backend(postfix).send_messages(messages) == 2
    assert numbers(postfix) == [0, 1]


def test_few_connections_in_a_minute(start):
    postfix = start(smtpd_client_connection_rate_limit=1)
    for message in batch(10):
        assert backend(postfix).send_messages([message]) == 1
    assert numbers(postfix) == list(range(10))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_few_messages_in_a_minute(start, concurrency):
    postfix = start(smtpd_client_message_rate_limit=10, smtpd_hard_error_limit=1000)
    messages = batch(20)
    sender = backend(postfix, concurrency=concurrency, fail_silently=True)
    assert sender.send_messages(messages) == 10
    taken = [n for n, message in enumerate(messages) if said(message) == TAKEN]
    assert [said(m) for n, m in enumerate(messages) if n not in taken] == [
        [("transient", 450, "4.7.1")]
    ] * 10
    assert numbers(postfix) == taken
    assert concurrency > 1 or taken == list(range(10))


def test_few_recipients_in_a_minute(start):
    postfix = start(smtpd_client_recipient_rate_limit=10)
    messages = [mail(n, [f"{x}{n}@example.com" for x in "abc"]) for n in range(5)]
    assert backend(postfix, fail_silently=True).send_messages(messages) == 4
    told_to = [answer for message in messages for answer in said(message)]
    assert told_to == TAKEN * 10 + [("transient", 450, "4.7.1")] * 5
    taken = {one.sender: one.recipients for one in postfix.delivered()}
    assert taken["ann3@example.com"] == ["a3@example.com"]
