"""The two directions of one SMTP socket: whole replies in, buffers out, all bounded.

A server that talks too much, too slowly or no SMTP ends in an error, never in a wait
without end or in memory without bound.
"""

from __future__ import annotations

import contextlib
import re
import select
import smtplib
import socket
import ssl
import time

__all__ = ["Channel", "ReplyTimeoutError", "SMTPReplyError"]

_LONGEST_LINE = 8_192  # bytes, as in smtplib; RFC 5321 section 4.5.3.1.5 allows 512
_LONGEST_REPLY = 65_536  # bytes
_MOST_LINES = 100  # of one reply; the longest EHLO replies have about 30
_PATIENCE = 2  # timeouts in which a reply must be whole, once the wait for it began
_SLOWEST = 65_536  # bytes that a server must take in one timeout
_CHUNK = 65_536  # bytes per read
_TLS_RECORD = 16_384  # bytes at most, RFC 8446 section 5.1
_MOST_UNREAD = 1_048_576  # bytes kept for later while we write
_NEVER = float("inf")

_REPLY = re.compile(rb"((?:\d{3}-[^\n]*\n)*)(\d{3})(?: ([^\n]*))?\r?\n")
_LINE = re.compile(rb"(\d{3})(?: ([^\r\n]{0,1000}))?\r\n")  # what nearly all are
_CONTINUED = re.compile(rb"\d{3}-")


class SMTPReplyError(smtplib.SMTPResponseException):
    """What came is no SMTP reply, or more than a reply may be; the code is -1."""


class ReplyTimeoutError(smtplib.SMTPServerDisconnected):
    """The reply did not come, or did not end, in time."""


class Channel:
    """Reads and writes one connected socket, in the timeout that the socket has.

    Errors are smtplib's. After any of them the socket is not usable for SMTP.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.written = 0  # bytes of the last write that the system took
        self._buffer = b""
        self._at = 0  # where the next reply begins
        self._checked = 0  # bytes of it that are whole lines, and fit for a reply
        self._lines = 0  # how many lines they are
        self._listener: select.poll | None = None  # made once: it asks for each message
        if hasattr(select, "poll") and sock.fileno() >= 0:
            self._listener = select.poll()
            self._listener.register(sock, select.POLLIN)
        # The last, short segment of a body would wait until the others are acknowledged
        # (Nagle's algorithm): a second round trip for every message.
        with contextlib.suppress(OSError):  # of a socket that is not TCP, or is gone
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def buffered(self) -> bool:
        """Whether the server said something that nobody has read yet."""
        return self._at < len(self._buffer)

    def reply(self, *, timeouts: float = 1) -> tuple[int, bytes]:
        """The next reply: its code, and its lines joined by newlines.

        Waits for so many times the timeout of the socket. Raises `ReplyTimeoutError`,
        `SMTPServerDisconnected` or `SMTPReplyError`.
        """
        timeout = self.sock.gettimeout()
        if timeouts == 1 or timeout is None:
            return self._reply()
        self.sock.settimeout(timeout * timeouts)
        try:
            return self._reply()
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(timeout)

    def _reply(self) -> tuple[int, bytes]:
        deadline = 0.0
        while True:
            if line := _LINE.match(self._buffer, self._at):
                self._at = line.end()
                return int(line[1]), (line[2] or b"").strip()
            if (found := self._whole()) is not None:
                self._at, self._checked, self._lines = found.end(), 0, 0
                last = (found[3] or b"").strip()
                if not found[1]:
                    return int(found[2]), last
                lines = [line[4:].strip() for line in found[1].split(b"\n")[:-1]]
                return int(found[2]), b"\n".join([*lines, last])
            if not deadline:
                deadline = self._deadline(_PATIENCE)
            elif time.monotonic() > deadline:
                raise ReplyTimeoutError("Connection unexpectedly closed: timed out")
            self._read()

    def write(self, data: bytes, *, silence: int = 0) -> None:
        """Write all of it, taking what the server says meanwhile, so that nobody blocks.

        Nothing is to be said before the first `silence` bytes have left: it ends the
        write, as does a server that is gone or takes less than 64 kB in one timeout.
        Then raises `SMTPServerDisconnected`; `written` tells how far it came, and what
        the server said can still be read.
        """
        self.written = 0
        deadline = self._deadline(1 + len(data) / _SLOWEST)
        # TLS writes all it is given, within one timeout, or says nothing of how far it
        # came: it gets one record at a time.
        most = _TLS_RECORD if isinstance(self.sock, ssl.SSLSocket) else len(data)
        try:
            view = memoryview(data)
            self._send(view[:most])
            while self.written < len(data):
                self._wait_to_write(deadline)
                if self.buffered and self.written < silence:
                    raise smtplib.SMTPServerDisconnected("The server interrupted")
                self._send(view[self.written : self.written + most])
        except smtplib.SMTPException:
            raise
        except TimeoutError as error:
            raise ReplyTimeoutError("Server not connected: timed out") from error
        except OSError as error:
            self._take()  # a server that cuts us off may have said why
            raise smtplib.SMTPServerDisconnected("Server not connected") from error

    def _send(self, part: memoryview) -> None:
        before = self.written
        self.written += len(part)  # for an interrupt: it may have left
        try:
            self.written = before + self.sock.send(part)
        except OSError as error:
            # A TLS record that failed is not known to have stayed here, but is of no
            # use to the server until all of it is there.
            tls = isinstance(self.sock, ssl.SSLSocket)
            if isinstance(error, TimeoutError) or not tls:
                self.written = before
            raise

    def quiet(self) -> bool:
        """Whether the server has said nothing unasked: no reply, no end of file.

        Looks only, and waits for nothing; on TLS it handles what is no data.
        """
        if self.buffered:
            return False
        if not self._readable():
            return True
        return self._take() is None

    def _readable(self) -> bool:
        """Whether a read would return at once: with data, the end or an error."""
        if self.sock.fileno() < 0:
            return True
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        if self._listener is not None:
            return bool(self._listener.poll(0))
        return _ready(self.sock, read=True, write=False, seconds=0)[0]

    def _deadline(self, timeouts: float) -> float:
        timeout = self.sock.gettimeout()
        return _NEVER if timeout is None else time.monotonic() + timeout * timeouts

    def _read(self) -> None:
        try:
            data = self.sock.recv(_CHUNK)
        except TimeoutError as error:
            raise ReplyTimeoutError(
                f"Connection unexpectedly closed: {error}"
            ) from error
        except OSError as error:
            raise smtplib.SMTPServerDisconnected(
                f"Connection unexpectedly closed: {error}"
            ) from error
        if not data:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._buffer = self._buffer[self._at :] + data if self.buffered else data
        self._at = 0

    def _take(self) -> int | None:
        """Keep what is there, without waiting; its length, or None for nothing yet."""
        timeout = self.sock.gettimeout()
        try:
            self.sock.settimeout(0)
            data = self.sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return 0
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(timeout)
        self._keep(data)
        return len(data)

    def _wait_to_write(self, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            timeout = self.sock.gettimeout()
            left = left if timeout is None else min(left, timeout)
            # Whoever floods us waits until we have written: memory has a bound.
            listen = len(self._buffer) < _MOST_UNREAD
            readable, writable = _ready(
                self.sock, read=listen, write=True, seconds=left
            )
            if readable and self._take() == 0:
                raise smtplib.SMTPServerDisconnected("Server not connected")
            if writable or (readable and self.buffered):
                return
            if not readable:
                raise ReplyTimeoutError("The server takes no more: timed out")

    def _whole(self) -> re.Match[bytes] | None:
        """The next reply if all of it is there; raises for what can never become one."""
        start = self._at + self._checked
        if self._buffer.find(b"\n", start) >= 0:
            if found := _REPLY.match(self._buffer, self._at):
                if found[1]:
                    self._check_lines(start, found.start(2))
                self._limit(found.start(2), found.end())
                return found
            start = self._check_lines(start, self._buffer.rfind(b"\n") + 1)
        self._limit(start, len(self._buffer))
        return None

    def _check_lines(self, start: int, end: int) -> int:
        """More lines of a reply that goes on behind them; where it does."""
        for line in self._buffer[start:end].split(b"\n")[:-1]:
            if len(line) >= _LONGEST_LINE:
                raise SMTPReplyError(-1, b"Line too long.")
            if not _CONTINUED.match(line):
                raise SMTPReplyError(-1, line[4:].strip())
            self._lines += 1
        self._checked = end - self._at
        return end

    def _limit(self, last_line: int, end: int) -> None:
        if end - last_line > _LONGEST_LINE:
            raise SMTPReplyError(-1, b"Line too long.")
        if end - self._at > _LONGEST_REPLY or self._lines >= _MOST_LINES:
            raise SMTPReplyError(-1, b"Reply too long.")


def _ready(
    sock: socket.socket, *, read: bool, write: bool, seconds: float
) -> tuple[bool, bool]:
    """Whether the socket can be read and written, after waiting until either can."""
    wait = None if seconds == _NEVER else max(seconds, 0)
    try:
        if not hasattr(select, "poll"):  # Windows, where descriptors have no bound
            reads, writes, _ = select.select(
                [sock] if read else [], [sock] if write else [], [], wait
            )
            return bool(reads), bool(writes)
        poll = select.poll()
        poll.register(
            sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0)
        )
        found = poll.poll(None if wait is None else wait * 1000)
    except (OSError, ValueError):  # closed under our hands: a read would say so
        return True, False
    events = found[0][1] if found else 0
    # An error or a hang-up is something to read; both come unasked for.
    return bool(events & ~select.POLLOUT), bool(events & select.POLLOUT)
