"""One connection to the mail server of the tests: SMTP as RFC 5321 has it, and its faults."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from django_mailplus.testing.behaviour import Behaviour
from django_mailplus.testing.faults import DROP, Fault, Step
from django_mailplus.testing.sent_mail import SentMail

__all__ = ["Conversation"]

_PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>\s*(.*)", re.IGNORECASE | re.DOTALL)
_LINE = 1_000_000  # octets of one; RFC 5321 asks for 1,000
# The extension without which a server does not know a parameter of MAIL.
_NEEDS = {
    "AUTH": "AUTH",
    "BODY": "8BITMIME",
    "ENVID": "DSN",
    "RET": "DSN",
    "SIZE": "SIZE",
    "SMTPUTF8": "SMTPUTF8",
}


class _Gone(Exception):  # noqa: N818 (no error: the conversation is over)
    """One of the two has closed the connection."""


class Conversation:
    """Runs until the client leaves, or a fault ends it."""

    def __init__(self, server: Behaviour, connection: socket.socket) -> None:
        self._server = server
        self._use(connection)
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._greeted = self._authenticated = self._encrypted = False
        self._verbs: dict[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: self._say("250 2.0.0 Ok"),
            "QUIT": self._quit,
        }

    def run(self) -> None:
        # Whoever tests a client closes it at any moment.
        with suppress(_Gone, OSError, ValueError):
            self._answer("connect", "220 localhost ESMTP")
            while True:
                self._command(self._line())
        for each in (self._lines, self._socket):
            with suppress(OSError):
                each.close()

    def abort(self) -> None:
        """From another thread."""
        with suppress(OSError):
            # Not that of TLS, which takes its state away from the thread that reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _use(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lines: BinaryIO = connection.makefile("rb")

    def _line(self) -> bytes:
        line = self._lines.readline(_LINE)
        if not line.endswith(b"\n"):
            raise _Gone
        return line

    def _say(self, reply: str) -> None:
        for line in reply.splitlines():
            self._server.transcript.append(f"S: {line}")
        self._socket.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")

    def _answer(self, step: Step, reply: str, address: str = "") -> bool:
        """Say it, or what the faults of this step say; whether the reply was positive."""
        return self._tell(self._fault(step, address), reply)

    def _fault(self, step: Step, address: str) -> Fault:
        return self._server.faults.at(step, address, self._sender or "")

    def _tell(self, fault: Fault, reply: str) -> bool:
        self._wait(fault)
        if fault.reply == DROP:
            self._drop()
        said = reply if fault.reply is None else fault.reply
        self._say(said)
        if said.startswith("421"):  # RFC 5321 section 3.8: and closes
            raise _Gone
        return said.startswith(("2", "3"))

    def _wait(self, fault: Fault) -> None:
        if self._server.stopped.wait(fault.seconds):
            raise _Gone  # a server that ends says nothing more

    def _drop(self) -> None:
        self._server.transcript.append("S: <connection dropped>")
        raise _Gone

    def _command(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        verb, _, rest = text.partition(" ")
        verb = verb.upper()
        shown = "AUTH ****" if verb == "AUTH" else text
        self._server.transcript.append(f"C: {shown}")
        if verb not in self._verbs:
            self._say("500 5.5.2 The command is unknown")
        elif verb in ("MAIL", "RCPT", "DATA") and not self._greeted:
            self._say("503 5.5.1 Say EHLO first")
        else:
            self._verbs[verb](rest)

    def _ehlo(self, _name: str) -> None:
        self._forget()
        *before, last = "localhost", *self._offered().values()
        reply = "".join(f"250-{line}\n" for line in before)
        self._greeted = self._answer("ehlo", f"{reply}250 {last}")

    def _offered(self) -> dict[str, str]:
        return self._server.offered(encrypted=self._encrypted)

    def _helo(self, _name: str) -> None:
        self._forget()
        self._greeted = self._answer("ehlo", "250 localhost")

    def _starttls(self, _rest: str) -> None:
        tls = self._server.tls
        if tls is None or "STARTTLS" not in self._offered():
            self._say("502 5.5.1 There is no TLS here")
        elif self._answer("starttls", "220 2.0.0 Go ahead"):
            self._lines.close()  # and what was sent in clear after the command
            encrypted = tls.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
            self._use(encrypted)  # what `abort` ends, if the client stays silent
            encrypted.do_handshake()
            self._encrypted, self._greeted = True, False

    def _auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if "AUTH" not in self._offered():
            self._say("502 5.5.1 There is no log-in here")
            return
        if mechanism.upper() == "PLAIN":
            given = self._decoded(initial or self._ask("334 "))
            _, _, pair = given.partition("\0")
            username, _, password = pair.partition("\0")
        elif mechanism.upper() == "LOGIN":
            username = self._decoded(initial or self._ask("334 VXNlcm5hbWU6"))
            password = self._decoded(self._ask("334 UGFzc3dvcmQ6"))
        else:
            self._say("504 5.5.4 The mechanism is unknown")
            return
        fits = (username, password) == (self._server.username, self._server.password)
        welcome, refusal = "235 2.7.0 Welcome", "535 5.7.8 Wrong name or password"
        self._authenticated = self._answer("auth", welcome if fits else refusal)

    def _ask(self, challenge: str) -> str:
        self._say(challenge)
        return self._line().decode("ascii", "replace").strip()

    @staticmethod
    def _decoded(given: str) -> str:
        return base64.b64decode(given).decode("utf-8", "replace")

    def _mail(self, rest: str) -> None:
        found = _PATH.match(rest)
        if found is None:
            self._say("501 5.5.4 Write MAIL FROM:<address>")
        elif self._server.password and not self._authenticated:
            self._say("530 5.7.0 Log in first")
        elif refusal := self._refusal(found[2]):
            self._say(refusal)
        elif self._answer("mail", "250 2.1.0 Sender ok", found[1]):
            self._sender, self._recipients = found[1], []

    def _refusal(self, parameters: str) -> str:
        offered = self._offered()
        for parameter in parameters.split():
            name, _, value = parameter.upper().partition("=")
            if _NEEDS.get(name) not in offered:
                return f"555 5.5.4 The parameter {name} is unknown"
            if name == "SIZE" and value.isdigit() and int(value) > self._server.size:
                return "552 5.3.4 The message is too big"
        return ""

    def _rcpt(self, rest: str) -> None:
        found = _PATH.match(rest)
        if found is None:
            self._say("501 5.5.4 Write RCPT TO:<address>")
        elif self._sender is None:
            self._say("503 5.5.1 Say MAIL first")
        elif self._answer("rcpt", "250 2.1.5 Recipient ok", found[1]):
            self._recipients.append(found[1])

    def _data(self, _rest: str) -> None:
        if not self._recipients:
            self._say("554 5.5.1 There is no valid recipient")
        elif self._answer("data", "354 Go ahead"):
            raw = self._content()
            mail = SentMail(
                raw, sender=self._sender or "", recipients=tuple(self._recipients)
            )
            self._forget()
            if len(raw) > self._server.size:
                self._say("552 5.3.4 The message is too big")
                return
            self._take(mail)

    def _take(self, mail: SentMail) -> None:
        """A server that drops the connection after the content has taken the mail."""
        fault = self._fault("content", mail.sender)
        if fault.reply is None or fault.reply == DROP or fault.reply.startswith("2"):
            self._server.messages.append(mail)
        self._tell(fault, f"250 2.0.0 Ok: mail {len(self._server.messages)}")

    def _content(self) -> bytes:
        lines: list[bytes] = []
        fault = self._fault("body", self._sender or "")
        while (line := self._line()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
            if fault.reply is not None:
                self._drop()
        self._wait(fault)
        raw = b"".join(lines)
        self._server.transcript.append(f"C: <{len(raw)} octets>")
        return raw

    def _rset(self, _rest: str) -> None:
        self._forget()
        self._say("250 2.0.0 Ok")

    def _quit(self, _rest: str) -> None:
        self._answer("quit", "221 2.0.0 Bye")
        raise _Gone

    def _forget(self) -> None:
        self._sender, self._recipients = None, []
