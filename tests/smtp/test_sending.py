"""A batch goes on over a fresh session, wherever nothing of a message was accepted."""

from __future__ import annotations

import contextlib
import logging
import smtplib

import pytest
from misbehaving_server import CLASSIC, CLOSE, DEAF, MisbehavingServer, then
from smtp.batches import BOTH, job, kinds, open_session, senders

from django_mailplus.smtp import distrust
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.pipeline import PipeliningError
from django_mailplus.smtp.pool import Pool
from django_mailplus.smtp.sending import send_leased


@pytest.fixture(autouse=True)
def _without_memory():
    distrust.forget_distrust()


def pool_to(server, **options):
    return Pool(lambda: open_session(server, **options), Limits(size=1), name="test")


def send(jobs, *, timeout=5, **script):
    """What became of the jobs over a lease of a fresh session, and the server."""
    with MisbehavingServer(**script) as server:
        pool = pool_to(server, timeout=timeout)
        with pool.lease() as lease:
            outcomes = list(send_leased(lease, jobs))
        pool.drain()
        server.settle()
    return outcomes, server


def send_all_of(pool, jobs):
    with pool.lease() as lease:
        yield from send_leased(lease, jobs)


def everybody(count):
    return [f"ann{number}@example.com" for number in range(1, count + 1)]


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        then("250 ok", CLOSE),
        ["250 ok", then("550 5.7.1 enough", CLOSE)],
        ["250 ok", "250 ok", "421 4.7.0 too many errors"],
    ],
)
def test_a_server_that_closes_after_some_messages_gets_the_others_too(ehlo, content):
    outcomes, server = send(map(job, range(1, 10)), ehlo=ehlo, content=content)
    refused = [o.reply.code for o in outcomes if o.kind != "accepted"]
    assert set(refused) <= {550, 421}
    assert senders(server) == [
        sender
        for sender, outcome in zip(everybody(9), outcomes, strict=True)
        if outcome.kind == "accepted"
    ]
    assert len(server.taken) + len(refused) == 9
    assert server.connections > 1


@BOTH
def test_a_server_that_wants_one_message_for_each_connection(ehlo):
    outcomes, server = send(
        map(job, range(1, 30)), ehlo=ehlo, mail=["250 ok", "421 4.7.0 one is enough"]
    )
    assert kinds(outcomes) == ["accepted"] * 29
    assert senders(server) == everybody(29)
    assert server.connections == 29


@BOTH
@pytest.mark.parametrize("step", ["rcpt", "data", "content"])
def test_a_message_that_ends_every_session_is_alone_in_that(ehlo, step):
    class Fragile(MisbehavingServer):
        """Dies of the second message, whatever the connection."""

        def _choose(self, session, now, line, *, advance=True):
            if now == step and session.sender == "ann2@example.com":
                raise EOFError
            return super()._choose(session, now, line, advance=advance)

    with Fragile(ehlo=ehlo) as server:
        with pool_to(server).lease() as lease:
            outcomes = list(send_leased(lease, map(job, range(1, 5))))
            lease.release(reusable=False)
        server.settle()
    fate = "unknown" if step == "content" else "transient"
    assert kinds(outcomes) == ["accepted", fate, "accepted", "accepted"]
    assert senders(server) == [
        sender for sender in everybody(4) if sender != "ann2@example.com"
    ]


@BOTH
@pytest.mark.parametrize("mail", [CLOSE, "421 4.3.2 closing"])
def test_a_server_that_closes_always_is_asked_once(ehlo, mail):
    outcomes, server = send(map(job, range(1, 5)), ehlo=ehlo, mail=mail)
    assert kinds(outcomes) == ["transient"] * 4
    assert server.connections == 1


def test_what_the_jobs_raise_outlives_the_session():
    def jobs():
        yield job(1)
        yield job(2)
        raise LookupError("no third")

    with MisbehavingServer(content=then("250 ok", CLOSE)) as server:
        pool = pool_to(server)
        outcomes = send_all_of(pool, jobs())
        assert kinds([next(outcomes), next(outcomes)]) == ["accepted"] * 2
        with pytest.raises(LookupError):
            next(outcomes)
    assert senders(server) == everybody(2)


def test_what_connecting_anew_raises_is_raised():
    with MisbehavingServer(content=then("250 ok", CLOSE)) as server:
        outcomes = send_all_of(pool_to(server), [job(1), job(2)])
        assert next(outcomes).kind == "accepted"
        server.replies["banner"] = "554 no more"
        with pytest.raises(smtplib.SMTPConnectError):
            next(outcomes)


@pytest.mark.parametrize(
    "script",
    [
        {"mail": then("250 ok", DEAF)},
        {"content": then("250 ok", DEAF)},
    ],
    ids=["before-the-content", "behind-the-content"],
)
def test_a_server_that_mixes_up_commands_gets_them_singly(script, caplog):
    with (
        caplog.at_level(logging.WARNING),
        MisbehavingServer(**script) as server,
    ):
        pool = pool_to(server, timeout=0.4)
        with pool.lease() as lease:
            outcomes = list(send_leased(lease, map(job, range(1, 5))))
        assert kinds(outcomes) == ["accepted"] * 4
        assert senders(server) == everybody(4)
        assert server.connections == 2
        with pool.lease() as lease:
            assert not lease.session.pipelining
        pool.drain()
        with contextlib.closing(open_session(server)) as session:
            assert not session.pipelining
    [record] = caplog.records
    assert "offers PIPELINING and mixes up" in record.getMessage()


def test_a_server_is_trusted_again_after_an_hour(monkeypatch):
    with MisbehavingServer() as server:
        distrust.distrust((server.host, server.port))
        with contextlib.closing(open_session(server)) as session:
            assert not session.pipelining
        later = distrust.time.monotonic() + 3601
        monkeypatch.setattr(distrust.time, "monotonic", lambda: later)
        assert distrust.trusted((server.host, server.port))


def test_without_pipelining_a_reply_that_makes_no_sense_is_no_reason_to_ask_again():
    outcomes, server = send([job(1), job(2)], ehlo=CLASSIC, mail="100 what")
    assert kinds(outcomes) == ["transient"] * 2
    assert not isinstance(outcomes[0].error, PipeliningError)
    assert server.connections == 1
