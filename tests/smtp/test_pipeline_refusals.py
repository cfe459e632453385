"""Batches of which a server refuses something: that message alone is struck."""

from __future__ import annotations

import smtplib

import pytest
from smtp.batches import BOTH, job, kinds, send, senders, serving

from django_mailplus.smtp.pipeline import send_all


@BOTH
@pytest.mark.parametrize("code", ["450 4.2.1 busy", "550 5.1.1 unknown"])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content"])
def test_a_refusal_at_each_step_is_that_messages_alone(ehlo, step, code):
    good = {"mail": "250 ok", "rcpt": "250 ok", "data": "354 go", "content": "250 ok"}
    script = [good[step], code, good[step]]
    outcomes, server = send(job(1), job(2), job(3), ehlo=ehlo, **{step: script})
    kind = "transient" if code.startswith("4") else "permanent"
    assert kinds(outcomes) == ["accepted", kind, "accepted"]
    assert outcomes[1].reply.code == int(code[:3])
    expected = {
        "mail": smtplib.SMTPSenderRefused,
        "rcpt": smtplib.SMTPRecipientsRefused,
        "data": smtplib.SMTPDataError,
        "content": smtplib.SMTPDataError,
    }
    assert type(outcomes[1].exception()) is expected[step]
    assert senders(server) == ["ann1@example.com", "ann3@example.com"]


@BOTH
def test_a_refused_mail_leaves_no_503_on_the_recipients(ehlo):
    [outcome], _ = send(
        job(to=["a@example.com", "b@example.com"]), ehlo=ehlo, mail="550 5.7.1 not you"
    )
    assert outcome.answers == {}
    assert outcome.reply.enhanced == "5.7.1"


@BOTH
def test_some_recipients_refused(ehlo):
    to = ["a@example.com", "bad@example.com", "c@example.com"]
    [outcome], server = send(
        job(to=to),
        ehlo=ehlo,
        rcpt={"bad": "550 5.1.1 unknown", "c@": "450 4.2.0 later"},
    )
    assert outcome.kind == "accepted"
    assert [outcome.answers[a].kind for a in to] == [
        "accepted",
        "permanent",
        "transient",
    ]
    assert server.taken[0].recipients == ["a@example.com"]


@BOTH
def test_all_recipients_refused_and_the_data_accepted(ehlo):
    outcomes, server = send(
        job(1, to=["bad1@x.org", "bad2@x.org"]),
        job(2),
        ehlo=ehlo,
        rcpt={"bad1": "550 5.1.1 unknown", "bad2": "450 4.2.0 later"},
    )
    assert kinds(outcomes) == ["transient", "accepted"]
    assert [r.code for r in outcomes[0].answers.values()] == [550, 450]
    assert senders(server) == ["ann2@example.com"]


def test_the_lone_dot_is_sent_where_the_data_was_accepted():
    _, server = send(job(to=["bad@x.org"]), job(2), rcpt={"bad": "550 5.1.1 unknown"})
    assert b".\r\n" in server.arrivals
    assert server.broken == 0


def test_content_asked_for_after_a_refused_mail_is_never_given():
    outcomes, server = send(job(1), job(2), mail="550 5.7.1 no", lying=True)
    assert server.taken == []
    # If the refusal comes before anything was sent behind it, there is nothing to break off.
    assert (kinds(outcomes), server.broken) in [
        (["permanent", "transient"], 1),
        (["permanent", "permanent"], 0),
    ]


def test_a_session_can_be_used_again_after_a_refusal():
    with serving(data=["451 4.3.0 later", "354 go"]) as (server, session):
        assert kinds(send_all(session, [job(1)])) == ["transient"]
        assert session.reset_due
        session.sendmail("x@example.com", ["y@example.com"], b"x\r\n")
        assert kinds(send_all(session, [job(2)])) == ["accepted"]
        assert session.used == 3
    assert senders(server) == ["x@example.com", "ann2@example.com"]


def test_a_server_that_keeps_what_a_refused_content_leaves_behind():
    replies = ["250 ok", "503 5.5.1 nested MAIL", "250 ok"]
    outcomes, server = send(
        job(1), job(2), mail=replies, content=["554 no", "250 ok"], data=["354 go"]
    )
    assert kinds(outcomes) == ["permanent", "accepted"]
    assert senders(server) == ["ann2@example.com"]


def test_a_503_that_stays_is_the_servers_last_word():
    outcomes, _ = send(job(), mail="503 5.5.1 authenticate first")
    assert outcomes[0].reply.code == 503
