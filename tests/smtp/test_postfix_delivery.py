"""What a real Postfix takes from us arrives as we wrote it, each message once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from message.everyday import everyday_letters
from smtp.postfix_mail import (
    KINDS,
    backend,
    batch,
    every_kind,
    in_order,
    mail,
    said,
)

OFFERS = {
    "as-it-is": {},
    "no-8bitmime": {"smtpd_discard_ehlo_keywords": "8bitmime"},
    "no-smtputf8": {"smtputf8_enable": "no"},
    "no-pipelining": {"smtpd_discard_ehlo_keywords": "pipelining"},
    "no-chunking": {"smtpd_discard_ehlo_keywords": "chunking"},
    "no-size": {"smtpd_discard_ehlo_keywords": "size"},
    "no-codes": {"smtpd_discard_ehlo_keywords": "enhancedstatuscodes"},
    "nothing": {
        "smtpd_discard_ehlo_keywords": "8bitmime, pipelining, chunking, size, dsn,"
        " enhancedstatuscodes, smtputf8, vrfy, etrn"
    },
    "severe": {
        "smtpd_forbid_bare_newline": "reject",
        "smtpd_forbid_bare_newline_exclusions": "",
        "smtpd_forbid_unauth_pipelining": "yes",
        "smtpd_data_restrictions": "reject_unauth_pipelining",
        "smtpd_recipient_restrictions": "reject_unauth_pipelining, permit",
        "smtpd_end_of_data_restrictions": "reject_unauth_pipelining",
        "smtpd_helo_required": "yes",
        "strict_rfc821_envelopes": "yes",
        "strict_7bit_headers": "yes",
        "strict_mime_encoding_domain": "yes",
    },
}
"""What a server may offer, or insist on."""


def each_one(messages):
    return [[message] for message in messages]


def all_at_once(messages):
    return [messages]


@pytest.mark.parametrize("divide", [each_one, all_at_once])
@pytest.mark.parametrize("offer", OFFERS)
def test_every_kind_of_message_arrives_as_it_was_written(start, written, offer, divide):
    postfix = start(**OFFERS[offer])
    sender = backend(postfix)
    messages = every_kind()
    for part in divide(messages):
        assert sender.send_messages(part) == len(part)
    assert in_order(postfix.delivered()) == written
    assert len(written) == len(messages) == len(KINDS)
    for message in messages:
        assert said(message) == [("accepted", 250, "2.1.5")]
    assert "improper command pipelining" not in postfix.log
    assert sender.pool.stats.opened == 1


def test_several_connections_deliver_the_same(start, written):
    postfix = start()
    messages = every_kind(rounds=4)
    assert backend(postfix, concurrency=4).send_messages(messages) == len(messages)
    assert in_order(postfix.delivered()) == written


def test_a_large_batch_is_taken_in_order(start, written):
    postfix = start()
    assert backend(postfix, pool_messages=None).send_messages(batch(300)) == 300
    assert in_order(postfix.delivered()) == written
    # Postfix numbers them by its log, as it relays over several connections itself.
    taken = [line for line in postfix.log.splitlines() if "message-id=" in line]
    wanted = [_message_id(text) for text in written]
    assert [line.partition("message-id=")[2] for line in taken] == wanted


def _message_id(text):
    [line] = [x for x in text.split(b"\r\n") if x.lower().startswith(b"message-id:")]
    return line.partition(b":")[2].strip().decode()


def test_a_message_to_many_goes_out_once(start, written):
    postfix = start(smtp_destination_recipient_limit=1000)
    to = [f"bob{number}@example.com" for number in range(450)]
    messages = [mail(1, to), mail(2), mail(3, to[:250])]
    assert backend(postfix).send_messages(messages) == 3
    taken = sorted(postfix.delivered(), key=lambda one: one.sender)
    assert [sorted(one.recipients) for one in taken] == [
        sorted(message.to) for message in messages
    ]
    assert in_order(taken) == written


@pytest.mark.parametrize("smtputf8", ["yes", "no"])
def test_a_domain_beyond_ascii(start, smtputf8):
    postfix = start(smtputf8_enable=smtputf8)
    message = mail(1, ["jo@bücher.example", "Käthe <k@käse.example>"])
    assert backend(postfix).send_messages([mail(0), message, mail(2)]) == 3
    taken = {one.sender: one.recipients for one in postfix.delivered()}
    assert sorted(taken["ann1@example.com"]) == [
        "jo@xn--bcher-kva.example",
        "k@xn--kse-qla.example",
    ]
    assert said(message) == [("accepted", 250, "2.1.5")] * 2


@pytest.fixture
def any_mail(start):
    """Postfix for all examples of one test."""
    return start()


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(everyday_letters(), min_size=1, max_size=8))
def test_messages_that_somebody_made_up(any_mail, written, drawn):
    messages = [letter.build() for letter in drawn]
    for number, message in enumerate(messages):
        message.from_email, message.to = f"ann{number}@example.com", ["bob@example.com"]
        message.cc = message.bcc = []
    any_mail.sink.taken.clear()
    written.clear()
    assert backend(any_mail).send_messages(messages) == len(messages)
    assert in_order(any_mail.delivered()) == written
