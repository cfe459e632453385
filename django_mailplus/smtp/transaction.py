"""What one mail transaction has come to, from MAIL to the answer to the body."""

from __future__ import annotations

import re
import smtplib
from dataclasses import dataclass, field
from typing import Literal, cast

from django_mailplus.smtp.replies import Kind, Reply

__all__ = ["Phase", "Transaction", "message_id_of"]

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
    sender: str = field(default="", repr=False)
    error: BaseException | None = field(default=None, repr=False)
    """What ended the session, or stood in the way before the server was asked."""

    @property
    def reply(self) -> Reply | None:
        """The reply that decided: to the body, or the last refusal before it."""
        if self.final_reply is None and self.phase == "envelope":
            return self._refusal()
        return self.final_reply

    def _refusal(self) -> Reply | None:
        """The reply to the envelope that kept the message from everybody.

        A refused recipient decides nothing about one who was accepted, or of whom
        nothing was said yet when the connection broke.
        """
        if self.mail_reply is not None and self.mail_reply.kind != "accepted":
            return self.mail_reply
        answers = list(self.answers.values())
        if answers and answers[-1].code == 421:
            return answers[-1]
        some_hope = any(reply.kind == "accepted" for reply in answers)
        if some_hope or not self.answers.keys() >= set(self.asked):
            return None
        return answers[-1] if answers else None

    @property
    def kind(self) -> Kind:
        """The fate of the message for recipients that were not refused themselves."""
        said = self.reply.kind if self.reply is not None else "unknown"
        if said in ("transient", "permanent"):
            return said
        if self.phase in ("answer", "done"):
            return said
        return "transient"  # the body was not sent, whatever the server said

    def exception(self) -> Exception | None:
        """What smtplib's `sendmail` would have raised; None if anybody gets the mail.

        An interrupt, where one ended the session: to be raised as all others are.
        """
        if self.kind == "accepted":
            return None
        said = self.reply
        refused = said is not None and said.kind in ("transient", "permanent")
        # A refusal tells more than that the connection was closed after it.
        closed = isinstance(self.error, smtplib.SMTPServerDisconnected)
        if self.error is not None and not (closed and refused):
            return cast("Exception", self.error)
        if self.final_reply is not None:
            return smtplib.SMTPDataError(*_raw(self.final_reply))
        if self.mail_reply is not None and self.mail_reply.kind != "accepted":
            return smtplib.SMTPSenderRefused(*_raw(self.mail_reply), self.sender)
        return smtplib.SMTPRecipientsRefused(
            {a: _raw(r) for a, r in self.answers.items() if r.kind != "accepted"}
        )


def _raw(reply: Reply) -> tuple[int, bytes]:
    return reply.code, f"{reply.enhanced} {reply.text}".strip().encode()


def message_id_of(content: bytes) -> str:
    """The Message-ID of a message with CRLF line ends, or ""."""
    end = content.find(b"\r\n\r\n")
    end = len(content) if end < 0 else end
    # Nearly always written so; the expression is ten times slower.
    start = content.find(b"\nMessage-ID: <", 0, end)
    if found := _MESSAGE_ID.search(content, max(start, 0), end):
        return found[1].decode("ascii", "replace")
    return ""
