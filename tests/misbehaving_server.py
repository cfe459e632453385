"""A mail server with a state of its own, which can be told to misbehave at every step.

Unlike `scripted_server` it takes commands in any number at once, refuses what is out of
order as real servers do, and knows which messages it has really taken.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scripted_server import CLOSE, SILENCE

RESET = "reset the connection"
DEAF = "answer, then drop what else has come"
"""Instructions in the place of a reply, beside CLOSE and SILENCE of `scripted_server`."""

PIPELINING = "250-test\n250-PIPELINING\n250-8BITMIME\n250-SMTPUTF8\n250 SIZE 1000000"
CLASSIC = "250-test\n250-8BITMIME\n250 SIZE 1000000"

_REPLIES = {
    "banner": "220 test ESMTP",
    "ehlo": PIPELINING,
    "starttls": "220 2.0.0 go ahead",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go ahead",
    "content": "250 2.0.0 queued",
    "empty": "554 5.5.1 no valid recipients",
    "rset": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
}


@dataclass
class Taken:
    """A message that the server took responsibility for."""

    sender: str
    recipients: list[str]
    content: bytes
    client: str = ""  # as it calls itself


@dataclass
class _Session:
    """What one connection has come to."""

    sock: socket.socket
    unread: bytes = b""
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=dict)
    client: str = ""

    def forget(self) -> None:
        self.sender, self.recipients = None, []


class MisbehavingServer:
    """Replies by step, each a text or one text for each time; the last is repeated.

    `obedient` steps follow the state: a RCPT behind a refused MAIL is 503 whatever the
    script says, unless `lying`. `taken` are the messages answered with 2yz, `broken`
    counts the contents that were cut off.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        lying: bool = False,
        cut_after: int = -1,
        buffer: int = 0,
        **replies: str | Sequence[str] | Mapping[str, str],
    ) -> None:
        self.tls = tls
        self.lying = lying
        self.cut_after = cut_after
        self.replies = _REPLIES | replies
        self.taken: list[Taken] = []
        self.broken = 0
        self.commands: list[str] = []
        self.arrivals: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        if buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.host, self.port = self._listener.getsockname()
        self._stop = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> MisbehavingServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=1).close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.settle()
        self._listener.close()

    def settle(self) -> None:
        """Wait until every connection that was closed has been dealt with."""
        for thread in self._threads if self._stop.is_set() else self._threads[1:]:
            thread.join(10)
            assert not thread.is_alive()

    def plan(self, **replies: str | Sequence[str] | Mapping[str, str]) -> None:
        """Another script for the connections to come, and nothing taken so far."""
        self.replies = _REPLIES | replies
        self.taken, self.broken, self.commands = [], 0, []
        self._threads, self._sockets = self._threads[:1], []

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._stop.is_set():
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)  # one that has begun can be waited for

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), sock:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with sock:
                self._talk(_Session(sock))

    def _talk(self, session: _Session) -> None:
        self._say(session, "banner")
        for line in self._lines(session):
            self.commands.append(line)
            verb, _, words = line.partition(" ")
            verb = verb.lower()
            if verb in ("ehlo", "helo"):
                session.client = words
            answer = getattr(self, f"_{verb}", None)
            if answer is not None:
                answer(session, line)
            else:
                self._say(session, verb if verb in self.replies else "rset")
            if verb == "quit":
                return

    def _lines(self, session: _Session) -> Iterator[str]:
        while True:
            while b"\n" not in session.unread:
                self._receive(session)
            line, _, session.unread = session.unread.partition(b"\n")
            yield line.decode().strip()

    def _receive(self, session: _Session) -> None:
        data = session.sock.recv(65_536)
        if not data:
            raise EOFError
        self.arrivals.append(data)
        session.unread += data

    def _mail(self, session: _Session, line: str) -> None:
        if session.sender is not None and not self.lying:
            self._send(session, "503 5.5.1 nested MAIL")
        elif self._say(session, "mail", line).startswith("2"):
            session.sender = _path(line)

    def _rcpt(self, session: _Session, line: str) -> None:
        if session.sender is None and not self.lying:
            self._send(session, "503 5.5.1 need MAIL")
        elif self._say(session, "rcpt", line).startswith("2"):
            session.recipients.append(_path(line))

    def _rset(self, session: _Session, line: str) -> None:
        session.forget()
        self._say(session, "rset", line)

    def _data(self, session: _Session, line: str) -> None:
        if session.sender is None and not self.lying:
            self._send(session, "503 5.5.1 need RCPT")
            return
        if not self._say(session, "data", line).startswith("354"):
            return
        try:
            content = self._content(session)
        except (EOFError, OSError):
            self.broken += 1
            raise
        step = "content" if session.recipients else "empty"
        taken = Taken(session.sender or "", session.recipients, content, session.client)
        if self._choose(session, step, line, advance=False).startswith("2"):
            self.taken.append(taken)
        session.forget()
        self._say(session, step, line)

    def _content(self, session: _Session) -> bytes:
        """Up to the lone dot; without the doubled dots."""
        got = b"\r\n"
        while True:
            if 0 <= self.cut_after <= len(got):
                self.broken += 1
                _reset(session.sock)
                raise EOFError
            got, session.unread = got + session.unread, b""
            end = got.find(b"\r\n.\r\n")
            if end >= 0:
                session.unread = got[end + 5 :]
                return got[2 : end + 2].replace(b"\r\n.", b"\r\n").removeprefix(b".")
            self._receive(session)

    def _choose(
        self, session: _Session, step: str, line: str, *, advance: bool = True
    ) -> str:
        reply = self.replies[step]
        if isinstance(reply, Mapping):
            found = [said for key, said in reply.items() if key and key in line]
            return found[0] if found else reply.get("", str(_REPLIES[step]))
        if isinstance(reply, str):
            return reply
        turn = session.turns.get(step, 0)
        session.turns[step] = turn + advance
        return reply[min(turn, len(reply) - 1)]

    def _say(self, session: _Session, step: str, line: str = "") -> str:
        reply = self._choose(session, step, line)
        self._send(session, reply)
        return reply

    def _send(self, session: _Session, reply: str) -> None:
        if reply in (CLOSE, RESET, SILENCE):
            while reply == SILENCE:
                self._receive(session)
            if reply == RESET:
                _reset(session.sock)
            raise EOFError
        reply, *instruction = reply.split("|")
        if reply:
            session.sock.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")
        if CLOSE in instruction:
            raise EOFError
        if DEAF in instruction:
            time.sleep(0.05)  # until what was sent together has come
            session.unread = b""


def then(reply: str, instruction: str) -> str:
    """A reply, and what follows it."""
    return f"{reply}|{instruction}"


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _reset(sock: socket.socket) -> None:
    """Close with RST, which also throws away what the other side has not read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
