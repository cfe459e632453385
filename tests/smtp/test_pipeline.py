"""Batches to a good server: what it sees, and how a batch is stopped."""

from __future__ import annotations

import smtplib

import pytest
from misbehaving_server import (
    MisbehavingServer,
)
from scripted_server import SILENCE, server_context
from smtp.batches import BOTH, job, kinds, open_session, send, senders, serving

from django_mailplus.smtp.pipeline import send_all
from django_mailplus.smtp.transcript import recording

# --- What a good server sees ----------------------------------------------------------


@BOTH
def test_every_message_arrives_once_in_order_as_it_was(ehlo):
    jobs = [job(n, body=b"%d\r\n.\r\n..\r\n.x\r\nend" % n) for n in range(20)]
    outcomes, server = send(*jobs, ehlo=ehlo)
    assert kinds(outcomes) == ["accepted"] * 20
    assert [outcome.sender for outcome in outcomes] == [j.mail_from for j in jobs]
    assert senders(server) == [j.mail_from for j in jobs]
    assert [t.recipients for t in server.taken] == [list(j.rcpt_to) for j in jobs]
    assert [t.content for t in server.taken] == [j.body + b"\r\n" for j in jobs]


def test_an_outcome_holds_what_the_server_said():
    [outcome], _ = send(job(), content="250 2.0.0 Ok: queued as ABC")
    assert outcome.message_id == "<1@x>"
    assert outcome.reply.text == "Ok: queued as ABC"
    assert outcome.answers["bob1@example.com"].enhanced == "2.1.5"
    assert outcome.exception() is None


def test_the_next_envelope_leaves_with_the_content():
    _, server = send(job(1), job(2), job(3))
    assert [data for data in server.arrivals if b"EHLO" not in data.upper()] == [
        b"MAIL FROM:<ann1@example.com> SIZE=29\r\nRCPT TO:<bob1@example.com>\r\nDATA\r\n",
        b"Message-ID: <1@x>\r\n\r\nText 1\r\n.\r\n"
        b"MAIL FROM:<ann2@example.com> SIZE=29\r\nRCPT TO:<bob2@example.com>\r\nDATA\r\n",
        b"Message-ID: <2@x>\r\n\r\nText 2\r\n.\r\n"
        b"MAIL FROM:<ann3@example.com> SIZE=29\r\nRCPT TO:<bob3@example.com>\r\nDATA\r\n",
        b"Message-ID: <3@x>\r\n\r\nText 3\r\n.\r\n",
    ]


def test_without_the_offer_every_command_waits_for_its_reply():
    _, server = send(job(1), job(2), ehlo="250-test\n250 SIZE")
    assert [data for data in server.arrivals if b"EHLO" not in data.upper()][:4] == [
        b"MAIL FROM:<ann1@example.com> SIZE=29\r\n",
        b"RCPT TO:<bob1@example.com>\r\n",
        b"DATA\r\n",
        b"Message-ID: <1@x>\r\n\r\nText 1\r\n.\r\n",
    ]


def test_pipelining_can_be_switched_off():
    with MisbehavingServer() as server:
        session = open_session(server)
        session.pipelining = False
        assert kinds(send_all(session, [job()])) == ["accepted"]
        session.close()
    assert b"DATA\r\n" in server.arrivals


def test_a_server_that_knows_only_helo():
    outcomes, server = send(job(), ehlo="502 what", helo="250 test")
    assert kinds(outcomes) == ["accepted"]
    assert "MAIL FROM:<ann1@example.com>" in server.commands


@BOTH
@pytest.mark.parametrize("count", [99, 100, 101, 1500])
def test_thousands_of_recipients_leave_in_windows(ehlo, count):
    to = [f"bob{n}@example.com" for n in range(count)]
    outcomes, server = send(job(to=to), job(2, to=to), ehlo=ehlo)
    assert kinds(outcomes) == ["accepted"] * 2
    assert [taken.recipients for taken in server.taken] == [to, to]


def test_a_window_neither_side_can_buffer():
    to = [f"{'b' * 60}{n}@{'example.' * 25}com" for n in range(250)]
    rcpt = "250-" + "\n250-".join(["x" * 400] * 5) + "\n250 2.1.5 ok"
    outcomes, server = send(job(to=to), job(2, to=to), rcpt=rcpt, buffer=2048)
    assert kinds(outcomes) == ["accepted"] * 2
    assert len(server.taken[1].recipients) == 250


def test_a_recipient_named_twice_is_asked_for_once():
    [outcome], server = send(job(to=["a@example.com", "a@example.com"]))
    assert server.taken[0].recipients == ["a@example.com"]
    assert outcome.asked == ("a@example.com", "a@example.com")


def test_large_messages():
    line = b".x" + b"y" * 70 + b"\r\n"
    jobs = [job(n, body=line * 20_000) for n in range(3)]
    outcomes, server = send(*jobs, ehlo="250-test\n250 PIPELINING", buffer=4096)
    assert kinds(outcomes) == ["accepted"] * 3
    assert [taken.content for taken in server.taken] == [line * 20_000] * 3


def test_over_tls(tmp_path):
    context, _ = server_context(tmp_path)
    client = _trusting(tmp_path)
    jobs = [job(n, body=b".line\r\n" * size) for n, size in enumerate([1, 9, 200_000])]
    with MisbehavingServer(
        tls=context, ehlo="250-test\n250 PIPELINING", rcpt={"bad": "550 5.1.1 no"}
    ) as server:
        session = open_session(server, use_ssl=True, context=client)
        session.sock.settimeout(10)
        outcomes = list(send_all(session, [*jobs, job(9, to=["bad@x.org"]), job(10)]))
        assert session.alive()
        session.quit()
    assert kinds(outcomes) == ["accepted"] * 3 + ["permanent", "accepted"]
    assert [taken.content for taken in server.taken[:3]] == [j.body for j in jobs]


def _trusting(tmp_path):
    import ssl

    return ssl.create_default_context(cafile=tmp_path / "certificate.pem")


# --- Parameters of MAIL ---------------------------------------------------------------


def mail_command(ehlo, **changes):
    _, server = send(job(body=b"x\r\n") if not changes else job(**changes), ehlo=ehlo)
    return next((c for c in server.commands if c.startswith("MAIL")), None)


@pytest.mark.parametrize(
    ("offer", "changes", "parameters"),
    [
        ("HELP", {"body": b"x\r\n"}, ""),
        ("SIZE 1000", {"body": b"x\r\n"}, " SIZE=3"),
        ("SIZE", {"body": b".\r\n"}, " SIZE=3"),
        ("SIZE 0", {"body": b"x\r\n" * 9}, " SIZE=27"),
        ("SIZE many", {"body": b"x\r\n"}, " SIZE=3"),
        ("8BITMIME", {"body": "ä\r\n".encode()}, " BODY=8BITMIME"),
        ("8BITMIME", {"body": b"x\r\n"}, ""),
        ("HELP", {"body": "ä\r\n".encode()}, ""),
        ("SMTPUTF8", {"body": b"x\r\n"}, ""),
        ("SMTPUTF8", {"to": ["jörg@example.com"], "body": b"x\r\n"}, " SMTPUTF8"),
    ],
)
def test_parameters_follow_the_offer(offer, changes, parameters):
    command = mail_command(f"250-test\n250 {offer}", **changes)
    assert command == f"MAIL FROM:<ann1@example.com>{parameters}"


def test_the_null_sender():
    outcomes, server = send(job(mail_from=""))
    assert kinds(outcomes) == ["accepted"]
    assert server.commands[1].startswith("MAIL FROM:<> ")


@pytest.mark.parametrize(
    ("changes", "code", "error"),
    [
        ({"body": b"x" * 2000}, 552, smtplib.SMTPSenderRefused),
        ({"to": ["jörg@example.com"]}, 553, smtplib.SMTPNotSupportedError),
        ({"to": ["a@b>\r\nRSET"]}, 553, ValueError),
        ({"to": ["a@b\r\n.\r\n"]}, 553, ValueError),
        ({"to": ["a b@example.com"]}, 553, ValueError),
        ({"to": [""]}, 553, ValueError),
        ({"to": ["a" * 1000 + "@example.com"]}, 553, ValueError),
        ({"to": ["\ud800@example.com"]}, 553, ValueError),
        ({"mail_from": "a@b> SIZE=1"}, 553, ValueError),
        ({"rcpt_to": ()}, 554, ValueError),
    ],
)
def test_what_cannot_be_sent_is_refused_here_and_stops_nobody(changes, code, error):
    ehlo = "250-test\n250-PIPELINING\n250 SIZE 1000"
    outcomes, server = send(job(1), job(2, **changes), job(3), ehlo=ehlo)
    assert kinds(outcomes) == ["accepted", "permanent", "accepted"]
    assert outcomes[1].reply.code == code
    assert type(outcomes[1].exception()) is error
    assert senders(server) == ["ann1@example.com", "ann3@example.com"]
    assert not any("ann2" in command for command in server.commands)


def test_an_error_of_ours_names_no_address():
    outcomes, _ = send(job(to=["secret name@example.com"]))
    assert "secret" not in f"{outcomes[0].exception()!r} {outcomes[0]!r}"
    assert "secret" not in repr(job(to=["secret@example.com"]))


@pytest.mark.parametrize(
    "address", ['"a b"@example.com', "root", "a@[127.0.0.1]", "a'b=c@d"]
)
def test_strange_but_good_addresses(address):
    _, server = send(job(to=[address]))
    assert f"RCPT TO:<{address}>" in server.commands


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (b"", b""),
        (b"x", b"x\r\n"),
        (b"x\ny\rz\r\n\n\r", b"x\r\ny\r\nz\r\n\r\n\r\n"),
        (b".\n.\r\n.", b".\r\n.\r\n.\r\n"),
        (b"\n.\r", b"\r\n.\r\n"),
        (b"smuggled\n.\nMAIL FROM:<x@y>\n", b"smuggled\r\n.\r\nMAIL FROM:<x@y>\r\n"),
        (b"smuggled\r.\r\nx", b"smuggled\r\n.\r\nx\r\n"),
    ],
)
def test_no_lone_cr_or_lf_is_ever_sent(body, arrives):
    outcomes, server = send(job(body=body), job(2))
    assert kinds(outcomes) == ["accepted"] * 2
    assert server.taken[0].content == arrives


# --- Stopping, and what comes from the caller --------------------------------------------


def test_a_batch_that_stops_completes_nothing_more():
    with serving(content=["554 no", SILENCE]) as (server, session):
        outcomes = send_all(session, map(job, range(1, 9)))
        assert next(outcomes).kind == "permanent"
        outcomes.close()
        assert session.sock is None
    assert server.taken == []
    assert any("ann2" in command for command in server.commands)


def test_a_batch_that_stops_at_its_end_keeps_the_session():
    with serving() as (server, session):
        outcomes = send_all(session, [job()])
        assert next(outcomes).kind == "accepted"
        outcomes.close()
        assert session.alive()
        assert kinds(send_all(session, [job(2)])) == ["accepted"]
    assert len(server.taken) == 2


def test_an_error_of_the_jobs_comes_after_the_outcomes_before_it():
    def jobs():
        yield job(1)
        yield job(2)
        raise LookupError("no more")

    with serving() as (server, session):
        outcomes = send_all(session, jobs())
        assert [next(outcomes).kind, next(outcomes).kind] == ["accepted"] * 2
        with pytest.raises(LookupError, match="no more"):
            next(outcomes)
        assert session.alive()
    assert len(server.taken) == 2


def test_an_interrupt_drops_what_is_under_way():
    def jobs():
        yield job(1)
        yield job(2)
        raise KeyboardInterrupt

    with serving() as (server, session):
        with pytest.raises(KeyboardInterrupt):
            list(send_all(session, jobs()))
        assert session.sock is None
    assert len(server.taken) <= 1


def test_jobs_are_read_two_ahead_at_most():
    read = []

    def jobs():
        for number in range(50):
            read.append(number)
            yield job(number)

    with serving() as (_, session):
        for number, _ in enumerate(send_all(session, jobs())):
            assert len(read) <= number + 3


def test_no_jobs():
    assert send()[0] == []


def test_a_session_that_is_closed_already():
    with serving() as (_, session):
        session.close()
        outcomes = list(send_all(session, [job(1), job(2)]))
    assert kinds(outcomes) == ["transient"] * 2
    assert isinstance(outcomes[1].exception(), smtplib.SMTPServerDisconnected)


def test_the_transcript_shows_the_dialogue_and_no_content():
    body = b"Subject: x\r\n\r\nAUTH PLAIN secret\r\n"
    with MisbehavingServer() as server, recording() as transcript:
        session = open_session(server)
        transcript.lines.clear()
        list(send_all(session, [job(1, body=body), job(2, body=body)]))
        session.close()
    assert [f"{who}: {line}" for who, line in transcript.lines] == [
        "C: MAIL FROM:<ann1@example.com> SIZE=33",
        "C: RCPT TO:<bob1@example.com>",
        "C: DATA",
        "S: 250 2.1.0 ok",
        "S: 250 2.1.5 ok",
        "S: 354 go ahead",
        "C: <36 bytes>",
        "S: 250 2.0.0 queued",
        "C: MAIL FROM:<ann2@example.com> SIZE=33",
        "C: RCPT TO:<bob2@example.com>",
        "C: DATA",
        "S: 250 2.1.0 ok",
        "S: 250 2.1.5 ok",
        "S: 354 go ahead",
        "C: <36 bytes>",
        "S: 250 2.0.0 queued",
    ]
