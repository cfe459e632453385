"""A session in the middle of a batch, and others who want to use it."""

from __future__ import annotations

import pytest
from smtp.batches import BOTH, job, kinds, senders, serving

from django_mailplus.smtp.pipeline import send_all


@BOTH
def test_nobody_sends_in_the_middle_of_a_batch(ehlo):
    secret = job(9, to=["staff@example.com"])
    with serving(ehlo=ehlo) as (server, session):
        outcomes = []
        for outcome in send_all(session, [job(1), job(2), job(3)]):
            outcomes.append(outcome)
            with pytest.raises(RuntimeError, match="in the middle of another batch"):
                send_all(session, [secret])
        assert kinds(send_all(session, [secret])) == ["accepted"]
    assert kinds(outcomes) == ["accepted"] * 3
    assert senders(server)[-1] == "ann9@example.com"
    assert [len(taken.recipients) for taken in server.taken] == [1] * 4


@BOTH
def test_a_source_of_messages_cannot_send_in_the_middle(ehlo):
    def jobs(session):
        for number in range(3):
            if number:
                with pytest.raises(RuntimeError):
                    send_all(session, [job(9)])
            yield job(number)

    with serving(ehlo=ehlo) as (server, session):
        assert kinds(send_all(session, jobs(session))) == ["accepted"] * 3
    assert "ann9@example.com" not in senders(server)


def test_a_session_in_the_middle_of_a_batch_is_not_lent():
    with serving() as (_, session):
        assert session.alive()
        batch = send_all(session, [job(1), job(2)])
        next(batch)
        assert not session.alive()
        list(batch)
        assert session.alive()
