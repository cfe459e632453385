"""One message on its way out: its commands and its content, as bytes for the wire."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass, field

from django_mailplus.smtp.replies import Reply
from django_mailplus.smtp.transaction import Transaction, message_id_of

__all__ = ["Job", "Offer", "Turn", "dot_stuffed", "prepare"]

# Quoted parts aside, nothing that ends the path or the command. Possessive, so that
# an address which does not match costs no more than one that does.
_ADDRESS = re.compile(
    r'(?:[^\s"<>\x00-\x1f\x7f]++|"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*+")++'
)
_LONGEST_ADDRESS = 900  # characters; RFC 5321 allows 256, and 1000 for a line
_ANY_LINE_END = re.compile(rb"\r\n|\r|\n")
_TO_BE_WRITTEN_ANEW = re.compile(rb"\r(?!\n(?!\.))")  # a lone CR; a dot after CRLF
_END = b".\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One message: bare addresses as they go on the wire, and all of its content.

    The content has CRLF line ends and its dots are not doubled. A lone CR or LF, which
    SMTP forbids, is written as CRLF. `permit` is called just before the content leaves,
    and returns once it may.
    """

    mail_from: str = field(repr=False)
    rcpt_to: tuple[str, ...] = field(repr=False)
    body: bytes = field(repr=False)
    permit: Callable[[], None] = field(repr=False, default=lambda: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the server's reply to EHLO lets us use."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    size: bool = False
    largest: int = 0  # bytes of a message; 0 is no limit

    @classmethod
    def of(cls, session: smtplib.SMTP, *, pipelining: bool = True) -> Offer:
        size = session.esmtp_features.get("size", "")
        return cls(
            pipelining=pipelining and session.has_extn("pipelining"),
            eight_bit=session.has_extn("8bitmime"),
            utf8=session.has_extn("smtputf8"),
            size=session.has_extn("size"),
            # A number without end is none that could be compared, or a joke.
            largest=int(size) if re.fullmatch(r"[0-9]{1,20}", size) else 0,
        )


@dataclass(slots=True)
class Turn:
    """A message while it is sent: MAIL, a RCPT for each recipient, DATA; the content.

    `asked` and `heard` count commands that have left and their replies. A turn without
    commands was refused here, without asking the server.
    """

    transaction: Transaction
    recipients: tuple[str, ...] = field(default=(), repr=False)
    commands: list[bytes] = field(default_factory=list, repr=False)
    content: bytes = field(default=b"", repr=False)
    permit: Callable[[], None] = field(default=lambda: None, repr=False)
    asked: int = 0
    heard: int = 0
    wanted: bool = False  # DATA was answered with 354
    behind: bool = False  # the envelope left with the content of the message before
    repeated: bool = False
    patience: float = 1  # timeouts to wait for the answer to the content

    @property
    def sendable(self) -> bool:
        return bool(self.commands)

    @property
    def refused_as_sender(self) -> bool:
        reply = self.transaction.mail_reply
        return reply is not None and reply.kind != "accepted"

    @property
    def accepted(self) -> bool:
        """Whether the server takes the message for anybody."""
        answers = self.transaction.answers.values()
        return any(reply.kind == "accepted" for reply in answers)

    def start_again(self) -> None:
        self.asked = self.heard = 0
        self.wanted = False
        self.repeated = True
        self.transaction.mail_reply = None
        self.transaction.answers.clear()


def prepare(job: Job, offer: Offer) -> Turn:
    """The commands and the content of a job; never raises for what the job holds."""
    transaction = Transaction(asked=job.rcpt_to, sender=job.mail_from)
    refusal = _refusal(job, offer)
    if refusal is None:
        as_it_is = _goes_as_it_is(job.body)
        body = job.body if as_it_is else _with_crlf(job.body)
        if offer.largest and len(body) > offer.largest:
            refusal = _too_large(job, offer.largest)
    if refusal is not None:
        transaction.mail_reply, transaction.error = refusal
        return Turn(transaction)
    transaction.message_id = message_id_of(body)
    recipients = tuple(dict.fromkeys(job.rcpt_to))
    commands = [
        _mail_command(job, body, offer),
        *[b"RCPT TO:<%b>\r\n" % address.encode() for address in recipients],
        b"DATA\r\n",
    ]
    content = body + _END if as_it_is else dot_stuffed(body)
    return Turn(transaction, recipients, commands, content, job.permit)


def _goes_as_it_is(body: bytes) -> bool:
    """Whether all that is to be added is the last dot, as with nearly all mail.

    Searching for one octet is the fastest way to look through a body.
    """
    return (
        body.endswith(b"\r\n")
        and not body.startswith(b".")
        and not _TO_BE_WRITTEN_ANEW.search(body)
        and body.count(b"\r") == body.count(b"\n")
    )


def dot_stuffed(body: bytes) -> bytes:
    """A body with CRLF line ends as DATA wants it, with the dot that ends it."""
    if b"\n." in body:
        body = body.replace(b"\n.", b"\n..")
    if body.startswith(b"."):
        body = b"." + body
    if not body.endswith(b"\r\n") and body:
        body += b"\r\n"
    return body + _END


def _mail_command(job: Job, body: bytes, offer: Offer) -> bytes:
    command = b"MAIL FROM:<%b>" % job.mail_from.encode()
    if offer.size:
        command += b" SIZE=%d" % len(body)
    if offer.eight_bit and not body.isascii():
        command += b" BODY=8BITMIME"
    if not _all_ascii(job):
        command += b" SMTPUTF8"
    return command + b"\r\n"


def _all_ascii(job: Job) -> bool:
    return job.mail_from.isascii() and all(map(str.isascii, job.rcpt_to))


def _with_crlf(body: bytes) -> bytes:
    ends = body.count(b"\r\n")
    if body.count(b"\n") == ends and body.count(b"\r") == ends:
        return body
    return _ANY_LINE_END.sub(b"\r\n", body)


def _refusal(job: Job, offer: Offer) -> tuple[Reply, Exception] | None:
    """Why an envelope is not sent at all, without naming the address."""
    if not job.rcpt_to:
        return _local(554, "5.5.1", "No recipients")
    if job.mail_from and not _writable(job.mail_from):  # "" is the null sender
        return _local(553, "5.1.7", "The sender's address cannot be written in SMTP")
    if not all(map(_writable, job.rcpt_to)):
        return _local(553, "5.1.3", "A recipient's address cannot be written in SMTP")
    if not offer.utf8 and not _all_ascii(job):
        text = "An address needs SMTPUTF8, which the server does not offer"
        reply, _ = _local(553, "5.6.7", text)
        return reply, smtplib.SMTPNotSupportedError(text)
    return None


def _local(code: int, enhanced: str, text: str) -> tuple[Reply, Exception]:
    return Reply(code=code, enhanced=enhanced, text=text), ValueError(text)


def _too_large(job: Job, largest: int) -> tuple[Reply, Exception]:
    text = f"The server takes messages of up to {largest} bytes"
    reply, _ = _local(552, "5.3.4", text)
    error = smtplib.SMTPSenderRefused(552, f"5.3.4 {text}".encode(), job.mail_from)
    return reply, error


def _writable(address: str) -> bool:
    if len(address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
        return False
    try:
        address.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
