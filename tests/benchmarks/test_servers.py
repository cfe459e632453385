"""The sinks take and judge mail as they say, and the delay delays and changes nothing.

A delay cannot be shorter than it is, so that is asserted; how much longer it took is not.
"""

from __future__ import annotations

import base64
import os
import random
import smtplib
import socket
import ssl
import threading
import time
from contextlib import ExitStack

import pytest
from benchmarks import corpus, peers, servers
from benchmarks.sink import find_faults

DOTTED = b"Subject: dots\r\n\r\n.\r\n..\r\n...three\r\nlast.\r\n."
GOOD = (
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\n..text\r\n--b--\r\n'
)


@pytest.fixture
def start():
    """Enter a server for the rest of the test; gives its port."""
    with ExitStack() as stack:
        yield stack.enter_context


class Dialogue:
    """A client that says bytes as it is told to, and waits for whole replies."""

    def __init__(self, port):
        self.socket = socket.create_connection((servers.HOST, port), timeout=10)
        self.replies = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.replies.close()
        self.socket.close()

    def say(self, data):
        self.socket.sendall(data)

    def hear(self, *codes):
        """Final reply lines with these codes come next, in this order."""
        for code in codes:
            while (line := self.replies.readline())[3:4] == b"-":
                pass
            assert line.startswith(b"%d " % code), line


# The sink


def test_the_sink_keeps_every_message_as_it_was_before_the_dots_were_stuffed(
    start, tmp_path
):
    port = start(servers.own_sink(spool=tmp_path))
    to_bytes = peers.djangos_bytes()
    sent = [DOTTED, *map(to_bytes, corpus.messages(corpus.with_attachment, 3))]
    sent.append(to_bytes(corpus.german(1)).replace(b"\r\n\r\n", b"\r\n\r\n.\r\n", 1))
    peers.send_bytes(port, [("ann@example.com", content) for content in sent])
    kept = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert kept[0] == DOTTED + b"\r\n"
    assert kept[1:] == sent[1:]
    counts = servers.counts(port)
    assert (counts["messages"], counts["recipients"]) == (5, 5)
    assert (counts["connections"], counts["broken"]) == (2, 0)


@pytest.mark.parametrize("name", ["english", "german", "with_attachment"])
def test_the_sink_finds_no_fault_with_what_backends_send(start, name):
    port = start(servers.own_sink())
    for peer in (peers.DjangosBackend, peers.OurBackend):
        batch = list(corpus.messages(getattr(corpus, name), 3))
        assert peers.connect(peer, port).send_messages(batch) == 3
    counts = servers.counts(port)
    assert (counts["messages"], counts["faults"]) == (6, [])


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (GOOD, []),
        (GOOD.replace(b"..text", b".text"), ["a dot that is not stuffed"]),
        (b"." + GOOD, ["a dot that is not stuffed"]),
        (GOOD.replace(b"text", b"te\nxt"), ["a bare CR or LF"]),
        (GOOD.replace(b"text", b"te\rxt"), ["a bare CR or LF"]),
        (b"Subject: x\r\n", ["no end of the headers"]),
        (
            GOOD.replace(b"--b--", b"--b"),
            ["a boundary that does not open or does not close"],
        ),
        (
            GOOD.replace(b"\n--b\r", b"\n--c\r"),
            ["a boundary that does not open or does not close"],
        ),
    ],
)
def test_the_sink_judges(content, faults):
    assert find_faults(content) == faults


def test_the_sink_counts_8_bit_text_that_was_not_declared(start):
    port = start(servers.own_sink())
    with smtplib.SMTP(servers.HOST, port, local_hostname="localhost") as client:
        for options in ([], ["BODY=8BITMIME"]):
            text = "Subject: x\r\n\r\nschön\r\n".encode()
            client.sendmail("a@example.com", ["b@example.com"], text, options)
    counts = servers.counts(port)
    assert (counts["messages"], counts["undeclared"]) == (2, 1)


def test_the_sink_takes_pipelined_commands_however_they_are_cut(start, tmp_path):
    port = start(servers.own_sink(spool=tmp_path))
    envelope = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    empty_and_full = (
        envelope + b".\r\n" + envelope + b"Subject: x\r\n\r\n..\r\n.\r\nNOOP\r\n"
    )
    for cut in range(1, len(empty_and_full), 7):
        with Dialogue(port) as client:
            client.say(b"EHLO test\r\n" + empty_and_full[:cut])
            client.hear(220, 250)
            client.say(empty_and_full[cut:])
            client.hear(250, 250, 354, 250, 250, 250, 354, 250, 250)
    contents = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert set(contents[::2]) == {b""}
    assert set(contents[1::2]) == {b"Subject: x\r\n\r\n.\r\n"}


def test_the_sink_tells_a_broken_message_from_a_whole_one(start):
    port = start(servers.own_sink())
    with Dialogue(port) as client:
        client.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nHalf\r\n.\r")
        client.hear(220, 250, 250, 354)
    counts = servers.counts(port)
    assert (counts["messages"], counts["broken"]) == (0, 1)


def test_the_sink_keeps_the_order_of_commands_and_its_limit(start):
    with Dialogue(start(servers.own_sink())) as client:
        client.say(b"RCPT TO:<b@example.com>\r\nDATA\r\nMAIL FROM:<> SIZE=99999999\r\n")
        client.hear(220, 503, 554, 552)
        client.say(b"AUTH PLAIN AGEAYg==\r\nSTARTTLS\r\nNONSENSE\r\n" + b"x" * 3000)
        client.hear(538, 503, 500, 500)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("at_once", [True, False])
def test_the_encrypting_sink_knows_who_logged_in(start, mechanism, at_once):
    port = start(servers.encrypting_sink())
    with smtplib.SMTP(servers.HOST, port, local_hostname="localhost") as client:
        assert client.docmd("MAIL FROM:<a@example.com>")[0] == 530
        assert client.docmd("AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=")[0] == 538
        client.starttls(context=ssl.create_default_context())
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        answer = getattr(client, f"auth_{mechanism.lower()}")
        client.user, client.password = servers.LOGIN[0], "wrong"
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.auth(mechanism, answer, initial_response_ok=at_once)
        client.password = servers.LOGIN[1]
        client.auth(mechanism, answer, initial_response_ok=at_once)
        assert client.docmd("MAIL FROM:<a@example.com>")[0] == 250
    assert servers.counts(port)["logins"] == 1


def test_the_encrypting_sink_forgets_what_came_in_the_clear(start):
    port = start(servers.encrypting_sink())
    login = base64.b64encode("\0".join(["", *servers.LOGIN]).encode())
    with Dialogue(port) as client:
        client.say(b"STARTTLS\r\nAUTH PLAIN " + login + b"\r\n")
        client.hear(220, 220)
    assert servers.counts(port)["logins"] == 0


def test_the_encrypting_sink_answers_what_came_with_the_end_of_the_handshake(start):
    port = start(servers.encrypting_sink())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=servers.HOST)
    with Dialogue(port) as client:
        client.say(b"EHLO test\r\nSTARTTLS\r\n")
        client.hear(220, 250, 220)

        def until_it_comes(act):
            while True:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    client.say(outgoing.read())
                    incoming.write(client.replies.read1())

        until_it_comes(tls.do_handshake)
        tls.write(b"EHLO test\r\n")
        client.say(outgoing.read())  # with the end of the handshake, in one segment
        assert until_it_comes(lambda: tls.read(4)) == b"250-"
        assert b"AUTH PLAIN LOGIN" in until_it_comes(tls.read)


@pytest.mark.parametrize(
    "peer", [peers.DjangosBackend, peers.OurBackend], ids=["django", "ours"]
)
def test_backends_log_in_at_the_encrypting_sink(start, peer):
    port = start(servers.encrypting_sink())
    backend = peers.connect(peer, port, encrypted=True)
    assert backend.send_messages([corpus.english(1)]) == 1
    counts = servers.counts(port)
    assert (counts["logins"], counts["messages"]) == (1, 1)


def test_postfix_takes_the_same_mail(start):
    if servers.postfix("smtp-sink") is None:
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail("no smtp-sink of Postfix")
        pytest.skip("no smtp-sink of Postfix")
    port = start(servers.smtp_sink())
    batch = list(corpus.messages(corpus.german, 3))
    assert peers.connect(peers.OurBackend, port).send_messages(batch) == 3
    assert peers.send_with_smtp_source(port, 3, 9000) == 3


# The delay


@pytest.fixture
def echo():
    """The port of a server that says what it hears, to one client."""
    listener = socket.create_server((servers.HOST, 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    with listener:
        yield listener.getsockname()[1]
        thread.join(10)
    assert not thread.is_alive()


def receive(connection, size):
    received = bytearray()
    while len(received) < size:
        data = connection.recv(65536)
        assert data, "ended early"
        received += data
    return bytes(received)


def test_each_round_trip_takes_its_time(start, echo):
    rtt, trips = 0.03, 5
    port = start(servers.delayed(echo, rtt * 1000))
    with socket.create_connection((servers.HOST, port)) as client:
        client.settimeout(10)
        client.sendall(b"x")
        receive(client, 1)  # the handshake is over
        for trip in range(trips):
            started = time.perf_counter()
            client.sendall(b"%d" % trip)
            assert receive(client, 1) == b"%d" % trip
            assert time.perf_counter() - started >= rtt


def test_a_connection_costs_two_round_trips_until_the_greeting(start):
    rtt = 0.05
    port = start(servers.delayed(start(servers.own_sink()), rtt * 1000))
    started = time.perf_counter()
    with Dialogue(port) as client:
        client.hear(220)
        assert time.perf_counter() - started >= 2 * rtt


@pytest.mark.parametrize("rtt", [0, 5])
def test_bytes_come_whole_and_in_order_and_so_does_the_end(start, echo, rtt):
    port = start(servers.delayed(echo, rtt))
    sent = random.Random(7).randbytes(3_000_000)  # noqa: S311 (no secret)
    received = []
    with socket.create_connection((servers.HOST, port)) as client:
        client.settimeout(10)

        def read():
            received.append(receive(client, len(sent)))
            received.append(client.recv(1))

        reader = threading.Thread(target=read)
        reader.start()
        chunks = iter((1, 10, 100, 1_000, 300_000) * 10)
        rest = sent
        while rest:
            size = next(chunks)
            client.sendall(rest[:size])
            rest = rest[size:]
        client.shutdown(socket.SHUT_WR)
        reader.join(10)
    assert received == [sent, b""]
