"""The reply reader: anything may come, in any pieces, and it ends."""

from __future__ import annotations

import smtplib
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_mailplus.smtp.channel import Channel, ReplyTimeoutError, SMTPReplyError


def read_all(pieces, timeout=5.0):
    """The replies in what comes, until the error that ends them."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(timeout)
        channel = Channel(ours)
        replies = []
        for piece in pieces:
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)
        while True:
            try:
                replies.append(channel.reply())
            except smtplib.SMTPException as error:
                return replies, error


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"250 ok\r\n", [(250, b"ok")]),
        (b"250\r\n250 \r\n250-\r\n250\n", [(250, b""), (250, b""), (250, b"\n")]),
        (b"250-a\r\n250-b\r\n250 c\r\n", [(250, b"a\nb\nc")]),
        (b"250-a\n550 c\n", [(550, b"a\nc")]),
        (b"354 go\r\n250 x", [(354, b"go")]),
        (b"250 " + b"x" * 8000 + b"\r\n", [(250, b"x" * 8000)]),
        (b"250-x\r\n" * 99 + b"250 x\r\n", [(250, b"\n".join([b"x"] * 100))]),
    ],
)
def test_replies(data, replies):
    step = 1 + len(data) // 100  # a socket holds so many pieces that are not yet read
    for pieces in ([data], [data[i : i + step] for i in range(0, len(data), step)]):
        read, error = read_all(pieces)
        assert read == replies
        assert type(error) is smtplib.SMTPServerDisconnected


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"250_ok\r\n",
        b"250-a\r\nhello\r\n250 ok\r\n",
        b"\xd9\xa2\xd9\xa5\xd9\xa0 digits\r\n",
        b"250 " + b"x" * 9000 + b"\r\n",
        b"250 " + b"x" * 9000,
        b"250-" + b"x" * 9000 + b"\r\n250 x\r\n",
        b"250-x\r\n" * 100 + b"250 x\r\n",
        b"250-x\r\n" * 101,
        (b"250-" + b"x" * 8000 + b"\r\n") * 9 + b"250 x\r\n",
    ],
)
def test_what_is_no_reply(data):
    for pieces in ([data], [data[i : i + 700] for i in range(0, len(data), 700)]):
        read, error = read_all(pieces)
        assert read == []
        assert type(error) is SMTPReplyError
        assert error.smtp_code == -1


LINES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [b"250 ok\r\n", b"250-x\r\n", b"\r\n", b"354", b"\n", b"250-" * 3000]
    ),
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12), st.data())
def test_any_bytes_in_any_pieces_end_in_an_error_of_smtplib(lines, data):
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    read, error = read_all(pieces)
    again, same = read_all([whole])
    assert (read, type(error), str(error)) == (again, type(same), str(same))
    assert type(error) in (smtplib.SMTPServerDisconnected, SMTPReplyError)
    assert all(len(text) <= 65_536 for _, text in read)


def test_a_reply_that_drips_has_an_end():
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip():
        while not stop.wait(0.02):
            theirs.send(b"2" if not stop.is_set() else b"")

    def drip_lines():
        while not stop.wait(0.02):
            theirs.send(b"250-x\r\n")

    for source in (drip, drip_lines):
        with Channel_on(ours, source, stop) as channel:
            begun = time.monotonic()
            with pytest.raises(smtplib.SMTPException) as caught:
                channel.reply()
            assert type(caught.value) in (ReplyTimeoutError, SMTPReplyError)
            assert time.monotonic() - begun >= 0.1
        stop.clear()
    ours.close()
    theirs.close()


class Channel_on:  # noqa: N801 (reads as a phrase)
    """A channel while somebody writes to its other end."""

    def __init__(self, sock, source, stop):
        sock.settimeout(0.2)
        self.channel = Channel(sock)
        self.thread = threading.Thread(target=source)
        self.stop = stop

    def __enter__(self):
        self.thread.start()
        return self.channel

    def __exit__(self, *exc_info):
        self.stop.set()
        self.thread.join()


def test_silence_ends_after_the_timeout():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.05)
        with pytest.raises(ReplyTimeoutError, match="timed out"):
            Channel(ours).reply()


def test_quiet_waits_for_nothing_and_sees_data_and_the_end():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        channel = Channel(ours)
        assert channel.quiet()
        theirs.sendall(b"421 bye\r\n")
        assert not channel.quiet()
        assert channel.reply() == (421, b"bye")
        assert channel.quiet()
        theirs.close()
        assert not channel.quiet()
        ours.close()
        assert not channel.quiet()


def test_writing_to_whoever_floods_us_has_bounds():
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def flood():
        theirs.settimeout(0.05)
        while not stop.is_set():
            try:
                theirs.send(b"250 x\r\n" * 9000)
            except TimeoutError:
                continue

    with ours, theirs, Channel_on(ours, flood, stop) as channel:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            channel.write(b"x" * 50_000_000)
        assert len(channel._buffer) < 2_000_000
