"""Batches to servers that fail or lie: nothing is completed that should not be."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time

import pytest
from django.core.mail import EmailMessage
from misbehaving_server import (
    CLOSE,
    DEAF,
    PIPELINING,
    RESET,
    SILENCE,
    MisbehavingServer,
    then,
)
from scripted_server import server_context
from smtp.batches import BOTH, job, kinds, open_session, send, senders

from django_mailplus.compat import get_mailer
from django_mailplus.smtp.pipeline import PipeliningError, send_all

# --- Sessions that end ----------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content"])
@pytest.mark.parametrize("after", ["", CLOSE])
def test_a_421_at_each_step_ends_the_session(ehlo, step, after):
    good = {"mail": "250 ok", "rcpt": "250 ok", "data": "354 go", "content": "250 ok"}
    closing = "421 4.3.2 closing"
    script = [good[step], then(closing, after) if after else closing]
    outcomes, server = send(*map(job, range(1, 5)), ehlo=ehlo, **{step: script})
    assert kinds(outcomes) == ["accepted"] + ["transient"] * 3
    assert outcomes[1].reply.code == 421
    assert isinstance(outcomes[3].exception(), smtplib.SMTPServerDisconnected)
    assert senders(server) == ["ann1@example.com"]


@BOTH
@pytest.mark.parametrize("how", [CLOSE, RESET])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
def test_a_connection_that_dies_before_the_content_sent_nothing(ehlo, step, how):
    good = {"mail": "250 ok", "rcpt": "250 ok", "data": "354 go"}
    outcomes, server = send(
        *map(job, range(1, 5)), ehlo=ehlo, **{step: [good[step], how]}
    )
    # A reset takes away the reply to the content that came in the same write.
    assert outcomes[0].kind == "accepted" or (how == RESET and ehlo == PIPELINING)
    assert kinds(outcomes)[1:] == ["transient"] * 3
    assert isinstance(outcomes[1].error, smtplib.SMTPServerDisconnected)
    assert senders(server) == ["ann1@example.com"]


@BOTH
@pytest.mark.parametrize("how", [CLOSE, RESET])
def test_a_lost_answer_to_the_content_is_unknown_and_that_only(ehlo, how):
    outcomes, _ = send(*map(job, range(1, 5)), ehlo=ehlo, content=["250 ok", how])
    assert kinds(outcomes) == ["accepted", "unknown", "transient", "transient"]


@BOTH
@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
def test_a_server_that_falls_silent_before_the_content(step, ehlo, with_mailers):
    """Perhaps it has dropped commands that came together; asked one by one, it has not."""
    with MisbehavingServer(ehlo=ehlo, **{step: SILENCE}) as server:
        options = {"host": server.host, "port": server.port, "timeout": 0.1}
        backend = "django_mailplus.backends.smtp.EmailBackend"
        with_mailers({"default": {"BACKEND": backend, "OPTIONS": options}})
        message = EmailMessage("Hi", "Body", "ann@example.com", ["bob@example.com"])
        with pytest.raises(smtplib.SMTPServerDisconnected):
            get_mailer("default").send_messages([message])
        assert server.connections == (2 if ehlo == PIPELINING and step != "mail" else 1)
        assert [r.kind for r in message.delivery_result.recipients] == ["transient"]


@BOTH
def test_the_answer_to_a_content_may_take_longer_than_others(ehlo):
    class Examining(MisbehavingServer):
        def _say(self, session, step, line=""):
            if step == "content":
                self._stop.wait(0.6)
            return super()._say(session, step, line)

    with Examining(ehlo=ehlo) as server:
        session = open_session(server, timeout=0.2)
        assert kinds(send_all(session, [job(1), job(2)])) == ["accepted"] * 2
        session.close()


def test_a_missing_answer_to_the_content_is_unknown():
    outcomes, _ = send(job(1), job(2), content=SILENCE, timeout=0.3)
    assert kinds(outcomes) == ["unknown", "transient"]


@BOTH
def test_a_large_content_cut_in_the_middle_is_known_not_to_be_sent(ehlo):
    large = job(1, body=b"line\r\n" * 4_000_000)
    outcomes, server = send(
        large, job(2), ehlo=ehlo.replace("SIZE 1000000", "HELP"), cut_after=100_000
    )
    assert kinds(outcomes) == ["transient"] * 2
    assert outcomes[0].phase == "data"
    assert (server.taken, server.broken > 0) == ([], True)


def test_a_server_that_stops_reading_the_content():
    class Deaf(MisbehavingServer):
        def _content(self, session):
            self._stop.wait(10)
            raise EOFError

    with Deaf(ehlo="250-test\n250 PIPELINING") as server:
        session = open_session(server, timeout=0.3)
        outcomes = list(send_all(session, [job(1, body=b"x\r\n" * 9_000_000), job(2)]))
    assert kinds(outcomes) == ["transient"] * 2
    assert "timed out" in str(outcomes[0].error)


@pytest.mark.parametrize(
    "reply", ["552 5.3.4 too big", "421 4.4.2 timeout", "250 fine"]
)
def test_a_reply_before_the_end_of_the_content_stops_it(reply):
    class Hasty(MisbehavingServer):
        def _content(self, session):
            self._receive(session)
            self._send(session, reply)
            while True:
                self._receive(session)
                if session.unread.endswith(b"\r\n.\r\n"):
                    self.taken.append("a message that was answered twice")

    with Hasty(ehlo="250-test\n250 PIPELINING") as server:
        session = open_session(server)
        outcomes = list(send_all(session, [job(1, body=b"x\r\n" * 9_000_000), job(2)]))
        server.settle()
    kind = "permanent" if reply.startswith("5") else "transient"
    assert kinds(outcomes) == [kind, "transient"]
    assert server.taken == []


@BOTH
@pytest.mark.parametrize("reply", ["354 more", "hello", "250 " + "x" * 9000, "199 hm"])
@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content", "rset"])
def test_a_senseless_reply_ends_the_session(ehlo, step, reply):
    if (step, reply) == ("data", "354 more"):
        reply = "250 fine"  # 354 makes sense there, 250 does not
    script = {step: ["354 go" if step == "data" else "250 ok", reply]}
    refused = {"rcpt": {"bad": "550 no"}} if step == "rset" else {}
    if step == "rset":
        script = {step: reply}
    outcomes, server = send(
        job(1, to=["bad@x.org"] if refused else None),
        job(2),
        job(3),
        ehlo=ehlo,
        **script,
        **refused,
    )
    struck = "unknown" if step == "content" else "transient"
    first = "permanent" if refused else "accepted"
    assert kinds(outcomes) == [first, struck, "transient"]
    assert isinstance(outcomes[2].error, smtplib.SMTPException)
    # Too long an answer to content may still have meant that it was taken.
    expected = [] if refused else ["ann1@example.com"]
    long_answer = (
        ["ann2@example.com"] if (step, reply[:3]) == ("content", "250") else []
    )
    assert senders(server) == expected + long_answer


# --- Servers that cannot do what they offer ---------------------------------------------


def test_a_server_that_drops_what_was_sent_together():
    outcomes, server = send(job(1), job(2), mail=then("250 ok", DEAF), timeout=0.4)
    assert kinds(outcomes) == ["transient"] * 2
    assert isinstance(outcomes[0].error, PipeliningError)
    assert server.taken == []


def test_a_server_that_drops_the_envelope_behind_the_content():
    outcomes, server = send(job(1), job(2), content=then("250 ok", DEAF), timeout=0.4)
    assert kinds(outcomes) == ["accepted", "transient"]
    assert isinstance(outcomes[1].error, PipeliningError)
    assert senders(server) == ["ann1@example.com"]


@pytest.mark.parametrize(
    "script",
    [
        {"mail": "250 ok\n250 one too many"},
        {"rcpt": "250 ok\n250 one too many"},
        {"rcpt": "550 no\n250 one too many"},
        {"data": "354 go\n250 already queued"},
        {"rcpt": {"bob1": "", "": "250 ok"}},
        {"mail": ""},
    ],
)
def test_replies_too_many_or_too_few_never_complete_a_message(script):
    # Separate replies in one text, as the server script joins lines as they are.
    outcomes, server = send(
        job(1, to=["bob1@x.org", "bob2@x.org"]), job(2), timeout=0.4, **script
    )
    assert "accepted" not in kinds(outcomes)
    assert "unknown" not in kinds(outcomes)
    assert server.taken == []


@BOTH
@pytest.mark.parametrize(
    ("answers", "fates"),
    [
        (["250 ok", "550 no", CLOSE], ["transient", "permanent", "transient"]),
        (["550 no", "250 ok", "250 ok"], ["permanent", "transient", "transient"]),
        (["450 later", "550 no", "hm"], ["transient", "permanent", "transient"]),
    ],
)
def test_a_refused_recipient_decides_nothing_about_the_others(ehlo, answers, fates):
    to = [f"{name}@example.com" for name in ("bob", "carol", "dave")]
    (outcome,), server = send(job(to=to), ehlo=ehlo, rcpt=answers, data=CLOSE)
    assert server.taken == []
    assert outcome.kind == "transient"
    own = [outcome.answers.get(address) for address in to]
    assert [
        outcome.kind if answer is None or answer.code in (250, -1) else answer.kind
        for answer in own
    ] == fates


def test_a_slow_server_behind_tls_gets_a_large_message(tmp_path):
    """Longer than one timeout in all, but never so long without taking anything."""
    tls, certificate = server_context(tmp_path)
    with SlowReader(tls=tls, buffer=16_384, ehlo="250-test\n250 PIPELINING") as server:
        session = open_session(
            server,
            timeout=0.5,
            use_ssl=True,
            context=ssl.create_default_context(cafile=str(certificate)),
        )
        # The system would take all of it at once, and leave us waiting for the answer.
        session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        text = b"".join(b"Line %d\r\n" % n for n in range(100_000))
        outcomes = list(send_all(session, [job(1, body=text), job(2)]))
        session.close()
        server.settle()
    assert kinds(outcomes) == ["accepted", "accepted"]
    assert server.taken[0].content == text


class SlowReader(MisbehavingServer):
    def _receive(self, session):
        super()._receive(session)
        time.sleep(0.02)


def test_a_connection_that_ends_before_the_content_is_no_fault_of_pipelining():
    def jobs():
        yield job(1)
        server.settle()  # both have come then: the permission, and the end
        yield job(2)

    with MisbehavingServer(data=then("354 go", CLOSE)) as server:
        outcomes = list(send_all(open_session(server), jobs()))
    assert kinds(outcomes) == ["transient", "transient"]
    assert not any(isinstance(o.error, PipeliningError) for o in outcomes)
