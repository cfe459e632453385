"""One SMTP session that remembers what the server said.

`smtplib` throws away the replies to accepted recipients, the final reply to DATA and
the step at which a connection broke. Ours keeps them, shows its dialogue to an
active transcript, and waits for each read only as long as its timeout.
"""

from __future__ import annotations

import re
import smtplib
from dataclasses import dataclass, field
from typing import Any, Literal

from django_mailplus.smtp import transcript
from django_mailplus.smtp.replies import Kind, Reply, parse_reply

__all__ = ["DEFAULT_TIMEOUT", "SMTP", "SMTP_SSL", "Phase", "Transaction"]

DEFAULT_TIMEOUT = 10.0  # seconds per wait for the server; smtplib would wait for ever

Phase = Literal["envelope", "data", "refused", "answer", "done"]

_MESSAGE_ID = re.compile(
    rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?(<[^>\r\n]+>)", re.I | re.M
)


@dataclass(slots=True)
class Transaction:
    """What one mail transaction has come to so far.

    `phase` names what was waited for: the replies to the envelope, the permission to
    send the body (refused, if it did not come), or the answer to the body, after which
    it is done. Once the body was sent, a lost or senseless answer leaves the fate of
    the message unknown (RFC 1047).
    """

    phase: Phase = "envelope"
    mail_reply: Reply | None = None
    asked: tuple[str, ...] = field(default=(), repr=False)
    answers: dict[str, Reply] = field(default_factory=dict, repr=False)
    final_reply: Reply | None = None
    message_id: str = ""

    @property
    def reply(self) -> Reply | None:
        """The reply that decided: to the body, or the last refusal before it."""
        refusals = [r for r in self.answers.values() if r.kind != "accepted"]
        if self.mail_reply is not None and self.mail_reply.kind != "accepted":
            refusals.append(self.mail_reply)
        if self.final_reply is None and refusals and self.phase == "envelope":
            return refusals[-1]
        return self.final_reply

    @property
    def kind(self) -> Kind:
        """The fate of the message for recipients that were not refused themselves."""
        said = self.reply.kind if self.reply is not None else "unknown"
        if said in ("transient", "permanent"):
            return said
        if self.phase in ("answer", "done"):
            return said
        return "transient"  # the body was not sent, whatever the server said


def _by_first_digit(code: int) -> int:
    """250 for every 2yz: a client goes by the first digit (RFC 5321 section 4.3.2).

    smtplib would raise, for example, after a 251 to the body, though it was accepted.
    """
    return 250 if code // 100 == 2 else code


class _Recording:
    """Keeps the replies of the transaction in progress."""

    transaction: Transaction

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        **options: Any,
    ) -> None:
        super().__init__(host, port, timeout=timeout, **options)  # type: ignore[call-arg]

    def sendmail(
        self, from_addr: str, to_addrs: Any, msg: Any, *args: Any, **options: Any
    ) -> dict[str, tuple[int, bytes]]:
        """As in smtplib, but ask once for an address that is named twice.

        smtplib would take such a message for partly accepted when all were refused.
        """
        asked = (to_addrs,) if isinstance(to_addrs, str) else tuple(to_addrs)
        self.transaction = Transaction(asked=asked)
        return super().sendmail(  # type: ignore[misc,no-any-return]
            from_addr, list(dict.fromkeys(asked)), msg, *args, **options
        )

    def mail(self, sender: str, options: Any = ()) -> tuple[int, bytes]:
        code, text = super().mail(sender, options)  # type: ignore[misc]
        self.transaction.mail_reply = parse_reply(code, text)
        return _by_first_digit(code), text

    def rcpt(self, recip: str, options: Any = ()) -> tuple[int, bytes]:
        code, text = super().rcpt(recip, options)  # type: ignore[misc]
        self.transaction.answers[recip] = parse_reply(code, text)
        return _by_first_digit(code), text

    def data(self, msg: Any) -> tuple[int, bytes]:
        transaction = self.transaction
        transaction.phase = "data"
        headers = msg.partition(b"\r\n\r\n")[0] if isinstance(msg, bytes) else b""
        if found := _MESSAGE_ID.search(headers):
            transaction.message_id = found[1].decode("ascii", "replace")
        try:
            code, text = super().data(msg)  # type: ignore[misc]
        except smtplib.SMTPDataError as error:
            transaction.final_reply = parse_reply(error.smtp_code, error.smtp_error)
            transaction.phase = "refused"
            raise
        transaction.final_reply = parse_reply(code, text)
        transaction.phase = "done"
        return _by_first_digit(code), text

    def send(self, s: Any) -> None:
        if (current := transcript.current()) is not None:
            current.sent(s.encode("ascii", "replace") if isinstance(s, str) else s)
        super().send(s)  # type: ignore[misc]
        # The body went out whole: from here on the server may have taken it.
        transaction = getattr(self, "transaction", None)
        if (
            transaction is not None
            and transaction.phase == "data"
            and s[-5:] == b"\r\n.\r\n"
        ):
            transaction.phase = "answer"

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()  # type: ignore[misc]
        if (current := transcript.current()) is not None:
            lines = text.split(b"\n")
            for line in lines[:-1]:
                current.received(b"%d-%s" % (code, line))
            current.received(b"%d %s" % (code, lines[-1]))
        return code, text


class SMTP(_Recording, smtplib.SMTP):
    """`smtplib.SMTP` that records, with a timeout by default."""


class SMTP_SSL(_Recording, smtplib.SMTP_SSL):  # noqa: N801 (the name in smtplib)
    """`smtplib.SMTP_SSL` that records, with a timeout by default."""
