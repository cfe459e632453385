"""What aiosmtpd's SMTP class leaves to its user: answers, log-in and quiet.

aiosmtpd is optional and is imported on first use, so its class joins ours in a function.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from django_mailplus.exceptions import MissingExtraError
from django_mailplus.mailserver.refusals import FailRules
from django_mailplus.viewer import clean_line

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
else:
    SMTP = object

__all__ = ["Answers", "Conversation", "QuietThread", "conversation_class"]

logger = logging.getLogger(__name__)

# RFC 3463 codes for the replies that aiosmtpd writes without one.
_ENHANCED = {
    "421": "4.3.2",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "552": "5.3.4",
    "555": "5.5.4",
}
_FINAL_REPLY = re.compile(r"(?P<code>[245]\d\d) (?!\d\.\d{1,3}\.\d{1,3}(?: |$))")
_LINE_LIMIT = 1_000_000  # octets; RFC 5321 asks for 1,000, real servers take more
_NULL_SENDER = "<>"  # as aiosmtpd spells it


class Keep(Protocol):
    """Takes a mail; gives the number that the client is told."""

    def __call__(self, session: Session, envelope: Envelope) -> int: ...


@dataclass(kw_only=True)
class Answers:
    """The hooks that aiosmtpd calls: whom to let in, whom to refuse, what to keep.

    Without slots: aiosmtpd looks through all members, and with the slots of a dataclass
    that is an error before Python 3.11.3, which Debian 12 has.
    """

    keep: Keep
    fail: FailRules
    refused: Callable[[str], None]
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    async def handle_EHLO(  # noqa: N802 (the names of hooks are aiosmtpd's)
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        lines: list[str],
    ) -> list[str]:
        session.host_name = hostname
        if self.username is None:
            lines = [line for line in lines if not line.startswith("250-AUTH")]
        return [*lines[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", lines[-1]]

    async def handle_MAIL(  # noqa: N802
        self,
        _server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self.username is not None and not session.authenticated:
            self.refused("Refused a mail with 530: the client did not log in.")
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if refusal := self.fail.reply_to(address):
            self.refused(f"Refused {clean_line(address)} with {refusal[:3]}.")
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if envelope.mail_from == _NULL_SENDER:
            envelope.mail_from = ""
        try:
            number = self.keep(session, envelope)
        except OSError as error:
            logger.error("A mail was not kept: %s", error.strerror)  # noqa: TRY400 (no bug of ours)
            return f"452 4.3.1 The mail was not kept: {error.strerror}"
        except Exception:
            logger.exception("A mail was not kept")
            return "451 4.3.0 The mail was not kept; the server's log says why"
        return f"250 2.0.0 Ok: mail {number} received"

    async def handle_exception(self, error: Exception) -> str:
        # Input that aiosmtpd cannot parse, such as a stray quote in an address.
        logger.debug("A command was not understood: %s", type(error).__name__)
        return "500 5.5.2 The command was not understood"

    def authenticate(
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        mechanism: str,
        given: Any,
    ) -> AuthResult:
        from aiosmtpd.smtp import AuthResult

        # Both are compared each time, so that the time taken tells nothing.
        expected = (self.username or "").encode(), (self.password or "").encode()
        name_fits = secrets.compare_digest(given.login, expected[0])
        password_fits = secrets.compare_digest(given.password, expected[1])
        if name_fits and password_fits:
            return AuthResult(success=True, auth_data=self.username)
        self.refused(f"Refused a log-in with AUTH {mechanism}: wrong name or password.")
        return AuthResult(success=False, handled=False)


class Conversation(SMTP):
    """One connection: aiosmtpd's protocol with an enhanced code on each reply."""

    line_length_limit = _LINE_LIMIT

    def __init__(
        self, *args: Any, connections: set[Conversation], **options: Any
    ) -> None:
        self._connections = connections
        self._is_greeting = True
        super().__init__(*args, **options)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(error)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802
        self._is_greeting = True
        await super().smtp_HELO(hostname)
        self._is_greeting = False

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        self._is_greeting = True
        await super().smtp_EHLO(hostname)
        self._is_greeting = False

    async def push(self, status: str | bytes) -> None:
        """Send a reply. RFC 2034: the greeting and the replies to EHLO carry no enhanced code."""
        text = (
            status.decode("utf-8", "replace") if isinstance(status, bytes) else status
        )
        if not self._is_greeting:
            text = _FINAL_REPLY.sub(_add_enhanced, text, count=1)
        elif text.startswith("220"):
            self._is_greeting = False
        await super().push(text.encode("utf-8", "replace"))
        if text.startswith("421") and self.transport is not None:
            self.transport.close()  # RFC 5321 section 3.8: the server closes after 421


def _add_enhanced(reply: re.Match[str]) -> str:
    code = reply["code"]
    return f"{code} {_ENHANCED.get(code, f'{code[0]}.0.0')} "


@cache
def conversation_class() -> type[Conversation]:
    """`Conversation` on top of aiosmtpd. Raises MissingExtraError without it."""
    try:
        with warnings.catch_warnings():
            # aiosmtpd 1.4.6 names typing.ByteString, which Python 3.14 warns about.
            warnings.filterwarnings("ignore", ".*ByteString", DeprecationWarning)
            from aiosmtpd.smtp import SMTP, Session
    except ImportError:
        raise MissingExtraError(
            "The mail server for development", extra="smtpserver"
        ) from None

    class QuietSession(Session):
        # aiosmtpd sets this old attribute of its own at each log-in, and warns of it then.
        login_data = None

    def create_session(self: SMTP) -> Session:
        return QuietSession(self.loop)

    bases = (Conversation, SMTP)
    return type("Conversation", bases, {"_create_session": create_session})


class QuietThread(logging.Filter):
    """Drops what aiosmtpd logs in the current thread: addresses, commands and bodies."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread
