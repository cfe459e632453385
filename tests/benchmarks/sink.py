"""A mail server that takes everything, judges it, and says on HELP what it took.

    python tests/benchmarks/sink.py [--certificate PEM] [--user U --password P] [--spool DIR]

For measuring: a process of its own, where Postfix's smtp-sink is missing or cannot do
what is measured (STARTTLS and AUTH). Prints its port, ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import json
import os
import re
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Counts", "find_faults"]

_SIZE = 50_000_000  # bytes of one message, as announced
_LINE = 2_000  # bytes of one command; RFC 5321 asks for 512
_END = b"\r\n.\r\n"
_BOUNDARY = re.compile(rb'boundary="?([^"\r\n;]+)"?', re.IGNORECASE)
_SOME = 5  # faults named in full; the rest is counted


@dataclass(slots=True, kw_only=True)
class Counts:
    """What came in since the start.

    `broken` bodies never reached their final dot; `undeclared` ones hold 8-bit text
    without BODY=8BITMIME (RFC 6152), as Django's own backend sends them.
    """

    connections: int = 0
    logins: int = 0
    messages: int = 0
    recipients: int = 0
    bytes: int = 0
    broken: int = 0
    undeclared: int = 0
    faulty: int = 0
    faults: list[str] = field(default_factory=list)


def find_faults(content: bytes) -> list[str]:
    """What is wrong with a message as it was on the wire, up to its final dot."""
    faults = []
    lines = content.count(b"\r\n")
    if not lines == content.count(b"\n") == content.count(b"\r"):
        faults.append("a bare CR or LF")
    lead = b"\r\n" + content
    if lead.count(b"\r\n.") != lead.count(b"\r\n.."):
        faults.append("a dot that is not stuffed")
    if b"\r\n\r\n" not in content:
        faults.append("no end of the headers")
    # Outermost first: what an inner message says of itself may be about another one.
    if found := _BOUNDARY.search(content):
        mark = b"\r\n--" + found[1]
        if mark + b"\r\n" not in content or mark + b"--" not in content:
            faults.append("a boundary that does not open or does not close")
    return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the server can do beside taking mail."""

    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    spool: Path | None = None


class Session(asyncio.Protocol):
    """One connection. All commands that came in one read are answered in one write."""

    def __init__(self, offer: Offer, counts: Counts) -> None:
        self.offer, self.counts = offer, counts
        self.buffer = bytearray()
        self.scanned = 0  # bytes of the buffer that hold no end of a message
        self.replies: list[bytes] = []
        self.take: Callable[[], bool] = self.take_command
        self.secure = self.logged_in = False
        self.leaving = self.upgrading = False
        self.username = ""
        self.upgrade_task: asyncio.Task[None] | None = None
        self.start_over()

    def start_over(self) -> None:
        self.sender = self.eight_bit = False
        self.recipients = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.counts.connections += 1
        transport.write(b"220 sink ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.counts.broken += self.take == self.take_content

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        # What comes with the end of a handshake comes before start_tls() has returned,
        # and would be answered in the clear.
        if not self.upgrading:
            self.answer()

    def answer(self) -> None:
        while not (self.leaving or self.upgrading) and self.take():
            pass
        if self.replies:
            self.transport.write(b"".join(self.replies))
            self.replies.clear()
        if self.leaving:
            self.transport.close()
        elif self.upgrading:
            loop = asyncio.get_running_loop()
            self.upgrade_task = loop.create_task(self.upgrade())

    def say(self, reply: str) -> None:
        self.replies.append(reply.encode() + b"\r\n")

    def take_line(self) -> str | None:
        end = self.buffer.find(b"\r\n")
        if end < 0:
            if len(self.buffer) > _LINE:
                self.say("500 5.5.2 Line too long")
                self.leaving = True
            return None
        line = self.buffer[:end].decode("utf-8", "replace")
        del self.buffer[: end + 2]
        return line

    def take_command(self) -> bool:
        line = self.take_line()
        if line is None:
            return False
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if verb not in _VERBS:
            self.say("500 5.5.1 Unknown command")
        elif verb == "MAIL" and self.offer.login and not self.logged_in:
            self.say("530 5.7.0 Log in first")
        else:
            _VERBS[verb](self, rest)
        return True

    def hello(self, rest: str) -> None:
        self.start_over()
        offers = ["sink", "PIPELINING", "8BITMIME", f"SIZE {_SIZE}"]
        if self.offer.tls and not self.secure:
            offers.append("STARTTLS")
        elif self.offer.login:
            offers.append("AUTH PLAIN LOGIN")
        for offer in offers:
            self.say(f"250-{offer}")
        self.say("250 ENHANCEDSTATUSCODES")

    def mail(self, rest: str) -> None:
        size = re.search(r" SIZE=(\d+)", rest.upper())
        if self.sender:
            self.say("503 5.5.1 There is a sender already")
        elif size and int(size[1]) > _SIZE:
            self.say("552 5.3.4 Too big")
        else:
            self.sender = True
            self.eight_bit = " BODY=8BITMIME" in rest.upper()
            self.say("250 2.1.0 Ok")

    def rcpt(self, rest: str) -> None:
        self.recipients += self.sender
        self.say("250 2.1.5 Ok" if self.sender else "503 5.5.1 MAIL first")

    def data(self, rest: str) -> None:
        if not self.recipients:
            self.say("554 5.5.1 No recipients")
            return
        self.say("354 Go ahead")
        self.take, self.scanned = self.take_content, 0

    def take_content(self) -> bool:
        if self.buffer.startswith(_END[2:]):  # empty: the CRLF before it is DATA's
            content, end = b"", 3
        else:
            found = self.buffer.find(_END, self.scanned)
            if found < 0:
                self.scanned = max(0, len(self.buffer) - len(_END) + 1)
                return False
            content, end = bytes(self.buffer[: found + 2]), found + len(_END)
        del self.buffer[:end]
        self.count(content)
        self.take = self.take_command
        self.start_over()
        self.say("250 2.0.0 Ok")
        return True

    def count(self, content: bytes) -> None:
        counts = self.counts
        counts.messages += 1
        counts.recipients += self.recipients
        counts.bytes += len(content)
        counts.undeclared += not self.eight_bit and not content.isascii()
        if faults := find_faults(content):
            counts.faulty += 1
            counts.faults = [*counts.faults, *faults][:_SOME]
        if self.offer.spool:
            plain = (b"\r\n" + content).replace(b"\r\n.", b"\r\n")[2:]
            path = self.offer.spool / f"{counts.messages:06}.eml"
            path.write_bytes(plain)

    def auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if not self.offer.login or (self.offer.tls and not self.secure):
            self.say("538 5.7.11 Not without encryption")
        elif mechanism.upper() == "PLAIN" and initial:
            self.plain(initial)
        elif mechanism.upper() == "PLAIN":
            self.ask("", self.plain)
        elif mechanism.upper() == "LOGIN" and initial:
            self.login_name(initial)
        elif mechanism.upper() == "LOGIN":
            self.ask("Username:", self.login_name)
        else:
            self.say("504 5.5.4 Unknown mechanism")

    def ask(self, prompt: str, answered: Callable[[str], None]) -> None:
        self.say(f"334 {base64.b64encode(prompt.encode()).decode()}")

        def take_answer() -> bool:
            if (line := self.take_line()) is None:
                return False
            self.take = self.take_command
            answered(line)
            return True

        self.take = take_answer

    def plain(self, answer: str) -> None:
        _, _, login = _decoded(answer).partition("\0")
        self.judge_login(*login.split("\0", 1))

    def login_name(self, answer: str) -> None:
        self.username = _decoded(answer)
        self.ask("Password:", self.login_password)

    def login_password(self, answer: str) -> None:
        self.judge_login(self.username, _decoded(answer))

    def judge_login(self, *login: str) -> None:
        self.logged_in = login == self.offer.login
        self.counts.logins += self.logged_in
        self.say("235 2.7.0 Welcome" if self.logged_in else "535 5.7.8 Wrong")

    def starttls(self, rest: str) -> None:
        if self.offer.tls is None or self.secure:
            self.say("503 5.5.1 Not now")
            return
        self.buffer.clear()  # said in the clear, it must not count as said in secret
        self.transport.pause_reading()
        self.upgrading = True
        self.say("220 2.0.0 Go ahead")

    async def upgrade(self) -> None:
        assert self.offer.tls is not None
        loop = asyncio.get_running_loop()
        # A client that trusts nobody ends it here: its own business.
        with contextlib.suppress(OSError):
            upgraded = await loop.start_tls(
                self.transport, self, self.offer.tls, server_side=True
            )
            if upgraded is not None:
                self.transport, self.secure = upgraded, True
                self.upgrading = False
                self.start_over()
                self.answer()

    def help(self, rest: str) -> None:
        self.say(f"214 {json.dumps(asdict(self.counts))}")

    def reset(self, rest: str) -> None:
        self.start_over()
        self.say("250 2.0.0 Ok")

    def noop(self, rest: str) -> None:
        self.say("250 2.0.0 Ok")

    def quit(self, rest: str) -> None:
        self.say("221 2.0.0 Bye")
        self.leaving = True


_VERBS: dict[str, Callable[[Session, str], None]] = {
    "EHLO": Session.hello,
    "HELO": Session.reset,
    "MAIL": Session.mail,
    "RCPT": Session.rcpt,
    "DATA": Session.data,
    "AUTH": Session.auth,
    "STARTTLS": Session.starttls,
    "HELP": Session.help,
    "RSET": Session.reset,
    "NOOP": Session.noop,
    "QUIT": Session.quit,
}


def _decoded(answer: str) -> str:
    try:
        return base64.b64decode(answer, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""


async def serve(offer: Offer) -> None:
    """Answer on a free port of this machine until standard input ends."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Session(offer, counts), "127.0.0.1", 0, backlog=1000
    )
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        ended = loop.create_future()
        loop.add_reader(sys.stdin.fileno(), _set_at_end, ended)
        await ended


def _set_at_end(ended: asyncio.Future[None]) -> None:
    if not os.read(sys.stdin.fileno(), 1) and not ended.done():
        ended.set_result(None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", type=Path, help="key and certificate, PEM")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--spool", type=Path, help="directory for each message")
    arguments = parser.parse_args()
    tls = None
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate)
    login = (arguments.user, arguments.password) if arguments.user else None
    asyncio.run(serve(Offer(tls=tls, login=login, spool=arguments.spool)))


if __name__ == "__main__":
    main()
