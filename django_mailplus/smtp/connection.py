"""One SMTP connection that remembers what the server said.

`smtplib` throws away the replies to accepted recipients, the final reply to DATA and
the step at which a connection broke. Ours keeps them.
"""

from __future__ import annotations

import smtplib
from typing import Any

from django_mailplus.smtp.channel import SMTPReplyError
from django_mailplus.smtp.replies import parse_reply
from django_mailplus.smtp.session import DEFAULT_TIMEOUT, Session, code_and_text
from django_mailplus.smtp.transaction import Phase, Transaction, message_id_of

__all__ = ["DEFAULT_TIMEOUT", "SMTP", "SMTP_SSL", "Phase", "Transaction"]


def _by_first_digit(code: int) -> int:
    """250 for every 2yz: a client goes by the first digit (RFC 5321 section 4.3.2).

    smtplib would raise, for example, after a 251 to the body, though it was accepted.
    """
    return 250 if code // 100 == 2 else code


class _Recording(Session):
    """Keeps the replies of the transaction in progress."""

    transaction: Transaction

    def sendmail(
        self, from_addr: str, to_addrs: Any, msg: Any, *args: Any, **options: Any
    ) -> dict[str, tuple[int, bytes]]:
        """As in smtplib, but ask once for an address that is named twice.

        smtplib would take such a message for partly accepted when all were refused.
        """
        asked = (to_addrs,) if isinstance(to_addrs, str) else tuple(to_addrs)
        self.transaction = Transaction(asked=asked, sender=from_addr)
        return super().sendmail(
            from_addr, list(dict.fromkeys(asked)), msg, *args, **options
        )

    def mail(self, sender: str, options: Any = ()) -> tuple[int, bytes]:
        if self.reset_due:
            self.rset()
        self.used += 1
        code, text = super().mail(sender, options)
        self.transaction.mail_reply = parse_reply(code, text)
        return _by_first_digit(code), text

    def rcpt(self, recip: str, options: Any = ()) -> tuple[int, bytes]:
        code, text = super().rcpt(recip, options)
        self.transaction.answers[recip] = parse_reply(code, text)
        return _by_first_digit(code), text

    def data(self, msg: Any) -> tuple[int, bytes]:
        transaction = self.transaction
        transaction.phase = "data"
        if isinstance(msg, bytes):
            transaction.message_id = message_id_of(msg)
        try:
            code, text = super().data(msg)
        except smtplib.SMTPDataError as error:
            self._no_body_wanted(*code_and_text(error))
            raise
        except SMTPReplyError as error:
            if transaction.phase != "data":
                raise  # the answer to the body is lost in what came
            self._no_body_wanted(*code_and_text(error))
            raise smtplib.SMTPDataError(*code_and_text(error)) from None
        transaction.final_reply = parse_reply(code, text)
        transaction.phase = "done"
        return _by_first_digit(code), text

    def _no_body_wanted(self, code: int, text: bytes) -> None:
        self.transaction.final_reply = parse_reply(code, text)
        self.transaction.phase = "refused"

    def send(self, s: Any) -> None:
        super().send(s)
        # The body went out whole: from here on the server may have taken it.
        transaction = getattr(self, "transaction", None)
        if (
            transaction is not None
            and transaction.phase == "data"
            and s[-5:] == b"\r\n.\r\n"
        ):
            transaction.phase = "answer"


class SMTP(_Recording):
    """`smtplib.SMTP` that records, with a timeout by default."""


class SMTP_SSL(_Recording, smtplib.SMTP_SSL):  # noqa: N801 (the name in smtplib)
    """`smtplib.SMTP_SSL` that records, with a timeout by default."""
