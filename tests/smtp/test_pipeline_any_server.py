"""Batches to a server that says anything: one outcome each, and the true one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from misbehaving_server import (
    CLASSIC,
    CLOSE,
    PIPELINING,
    MisbehavingServer,
)
from smtp.batches import job, kinds, open_session

from django_mailplus.smtp.pipeline import send_all

REFUSALS = [
    "450 later",
    "550 5.0.0 no",
    "421 closing",
    CLOSE,
    "hm",
    "354 what",
    "503 no",
]
STEPS = {
    "mail": "250 ok",
    "rcpt": "250 ok",
    "data": "354 go",
    "content": "250 queued",
    "rset": "250 ok",
    "empty": "554 nobody",
}


def script_of(step):
    good = STEPS[step]
    one = st.one_of(st.just(good), st.just(good), st.sampled_from(REFUSALS))
    return st.lists(one, min_size=1, max_size=6)


@pytest.fixture(scope="module")
def any_server():
    with MisbehavingServer() as server:
        yield server


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    script=st.fixed_dictionaries({step: script_of(step) for step in STEPS}),
    recipients=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    ehlo=st.sampled_from([PIPELINING, CLASSIC]),
)
def test_outcomes_are_what_the_server_did(any_server, script, recipients, ehlo):
    jobs = [
        job(n, to=[f"bob{n}-{r}@example.com" for r in range(count)])
        for n, count in enumerate(recipients)
    ]
    any_server.plan(ehlo=ehlo, **script)
    session = open_session(any_server)
    outcomes = list(send_all(session, jobs))
    session.close()
    any_server.settle()

    assert [o.sender for o in outcomes] == [j.mail_from for j in jobs]
    taken = {t.sender: t for t in any_server.taken}
    assert len(taken) == len(any_server.taken)
    for outcome, sent in zip(outcomes, jobs, strict=True):
        if outcome.kind == "accepted":
            took = taken.pop(outcome.sender)
            accepted = [a for a, r in outcome.answers.items() if r.kind == "accepted"]
            assert took.recipients == accepted
            assert took.content == sent.body
        elif outcome.kind == "unknown":
            taken.pop(outcome.sender, None)
    assert taken == {}
    assert kinds(outcomes).count("unknown") <= 1
