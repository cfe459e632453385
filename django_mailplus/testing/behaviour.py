"""How the mail server of the tests behaves: what it offers, what it does wrong, what it took."""

from __future__ import annotations

import ssl
import threading

from django_mailplus.testing.faults import DROP, Fault, Faults, Step
from django_mailplus.testing.mailbox import Mailbox
from django_mailplus.testing.sent_mail import SentMail

__all__ = ["Behaviour"]

_EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_SIZE = 2**26  # octets of a mail, 64 MiB


class Behaviour:
    """What all connections to one server share."""

    def __init__(self) -> None:
        self.messages: list[SentMail] = []
        self.transcript: list[str] = []
        self.faults = Faults()
        self.size = _SIZE
        self.username = self.password = ""
        self.tls: ssl.SSLContext | None = None
        self.stopped = threading.Event()
        self._extensions = [*_EXTENSIONS]
        self._hidden: set[str] = set()

    @property
    def mailbox(self) -> Mailbox:
        """The mails it took, to be looked up by criteria."""
        return Mailbox(lambda: [*self.messages])

    def refuse(
        self,
        address: str = "*",
        reply: str = "550 5.1.1 There is no such mailbox",
        *,
        at: Step = "rcpt",
        times: int | None = None,
    ) -> None:
        """Say `reply` at a step, always or the first `times`; anything, as for a bad banner."""
        self.faults.add(Fault(at=at, reply=reply, address=address, left=times))

    def greylist(self, first: int = 1) -> None:
        """Say 450 to the `first` tries for each sender and recipient."""
        self.faults.greylist(first)

    def delay(
        self, seconds: float, *, at: Step = "rcpt", times: int | None = None
    ) -> None:
        """Wait before the reply at a step; the end of the server ends the wait."""
        self.faults.add(Fault(at=at, seconds=seconds, left=times))

    def drop(self, *, at: Step = "content", times: int | None = None) -> None:
        """Close the connection at a step, in the place of the reply.

        At "content" the mail was taken, and the client cannot know it; at "body" it was not.
        """
        self.faults.add(Fault(at=at, reply=DROP, left=times))

    def behave(self) -> None:
        """Forget all faults."""
        self.faults.clear()

    def offer(self, *extensions: str) -> None:
        """Name more in the reply to EHLO, such as "DSN", or again what was hidden."""
        self._hidden -= {line.split()[0].upper() for line in extensions}
        known = self.offered(encrypted=False)
        self._extensions += [
            line for line in extensions if line.split()[0].upper() not in known
        ]

    def hide(self, *extensions: str) -> None:
        """Neither name nor understand these, such as "PIPELINING" or "8BITMIME"."""
        self._hidden |= {name.upper() for name in extensions}

    def require_login(self, username: str, password: str) -> None:
        """Offer AUTH PLAIN and LOGIN, and take no mail before."""
        if not (username and password):
            raise ValueError("require_login: username and password must not be empty.")
        self.username, self.password = username, password

    def offered(self, *, encrypted: bool) -> dict[str, str]:
        """The lines in the reply to EHLO, under the names of the extensions."""
        lines = [*self._extensions, f"SIZE {self.size}"]
        if self.tls is not None and not encrypted:
            lines.append("STARTTLS")
        if self.password:
            lines.append("AUTH PLAIN LOGIN")
        named = {line.split()[0].upper(): line for line in lines}
        return {name: line for name, line in named.items() if name not in self._hidden}
