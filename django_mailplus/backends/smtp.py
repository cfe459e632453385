"""SMTP, as Django has it, with nothing thrown away.

Takes the options of Django's own backend. After a send, every message carries a
`delivery_result` that says what the server answered for each recipient.
"""

from __future__ import annotations

import logging
import smtplib
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from django.core.checks import CheckMessage, Error, Warning
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from django_mailplus.backends.base import BackendKind, MailplusBackend
from django_mailplus.compat import option_label
from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    classify,
    mark_unsent,
    unsent,
)
from django_mailplus.message.envelope import envelope_of
from django_mailplus.signals import message_failed, message_sent
from django_mailplus.smtp.connection import SMTP, SMTP_SSL, Transaction
from django_mailplus.smtp.options import find_mistakes
from django_mailplus.smtp.replies import Reply

__all__ = ["EmailBackend"]

logger = logging.getLogger(__name__)


class EmailBackend(MailplusBackend, smtp.EmailBackend):
    """Sends over SMTP; waits at most `timeout` seconds for an answer, 10 by default.

    A message that the server takes for some of its recipients only counts as sent;
    the others are told by `message_failed`, the log and `delivery_result.refused`.
    Raises what Django's backend raises.
    """

    kind: ClassVar[BackendKind] = "leaf"
    verbatim: ClassVar[bool] = True

    def __init__(self, *args: Any, alias: str | None = None, **options: Any) -> None:
        # Naming the alias, even None, keeps Django 6.1 from warning about our call.
        super().__init__(*args, alias=alias, **options)
        self.alias = alias

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        findings = super().check(alias, options)
        if alias is not None and options.get("host") is None:
            findings.append(
                Error(
                    f"MAILERS[{alias!r}]: OPTIONS must define 'host'.",
                    hint="Name the mail server, such as 'smtp.example.com'.",
                    id="mailplus.E005",
                )
            )
        for mistake in find_mistakes(options, partial(option_label, alias)):
            check = Error if mistake.severity == "error" else Warning
            findings.append(check(mistake.text, hint=mistake.hint, id=mistake.id))
        return findings

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP

    def open(self) -> bool | None:
        try:
            return super().open()
        except Exception as error:  # also a host or a password that Python cannot write
            mark_unsent(error)
            raise

    def _close_connection(self, connection: smtplib.SMTP) -> None:
        try:
            super()._close_connection(connection)  # type: ignore[misc]  # private to Django
        except (
            smtplib.SMTPException
        ):  # what QUIT is answered changes nothing that was sent
            connection.close()

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Send in order; a message that raises ends the batch, as in Django."""
        waiting = deque(email_messages or ())
        if not waiting:
            return 0
        for message in waiting:
            message.delivery_result = None  # type: ignore[attr-defined]
        error: Exception | None = None
        try:
            return super().send_messages(_turns(waiting))  # type: ignore[arg-type]
        except Exception as raised:
            error = raised
            raise
        finally:
            for message in waiting:
                self._report_unsent(message, error)

    def _report_unsent(self, message: EmailMessage, error: Exception | None) -> None:
        """For a message whose turn never came: an error is another message's fault."""
        try:
            addresses = envelope_of(message).rcpt_to
        except Exception:  # of a recipients() that raises; the others are still told
            logger.warning("A message was not sent: its recipients() raises")
            return
        if addresses:
            self._report(message, unsent(addresses, error, mailer=self.alias))

    def _send(self, email_message: EmailMessage) -> bool:
        started = time.perf_counter()
        connection = self.connection
        if (
            not isinstance(connection, (SMTP, SMTP_SSL))
            or not email_message.recipients()
        ):
            return bool(super()._send(email_message))  # type: ignore[misc]  # private to Django
        connection.transaction = Transaction()
        error: Exception | None = None
        try:
            return bool(super()._send(email_message))  # type: ignore[misc]
        except Exception as raised:
            error = raised
            kind = connection.transaction.kind
            if isinstance(error, OSError) and kind in ("transient", "permanent"):
                mark_unsent(error)
            raise
        finally:
            transaction = connection.transaction
            if transaction.asked or error is None:
                seconds = time.perf_counter() - started
                result = _result(
                    email_message, transaction, mailer=self.alias, seconds=seconds
                )
            else:
                fault = classify(error)
                result = unsent(
                    envelope_of(email_message).rcpt_to,
                    error,
                    kind="permanent" if fault == "message" else "transient",
                    mailer=self.alias,
                )
            self._report(email_message, result)

    def _report(self, message: EmailMessage, result: DeliveryResult) -> None:
        """Put the result on the message, tell the signals and the log."""
        message.delivery_result = result  # type: ignore[attr-defined]
        told = {"sender": EmailBackend, "message": message, "result": result}
        if result.accepted:
            message_sent.send_robust(recipients=result.accepted, **told)
        if result.refused:
            logger.warning(
                "%s not accepted for %d of %d recipients (mailer %s)",
                result.message_id or "Message",
                len(result.refused),
                len(result.recipients),
                self.alias or "EMAIL_BACKEND",
            )
            message_failed.send_robust(recipients=result.refused, **told)


def _turns(waiting: deque[EmailMessage]) -> Iterator[EmailMessage]:
    """Each message as its turn comes; those whose turn never came stay in the queue."""
    while waiting:
        yield waiting.popleft()


def _result(
    message: EmailMessage,
    transaction: Transaction,
    *,
    mailer: str | None,
    seconds: float,
) -> DeliveryResult:
    """What a transaction came to, however far it went."""
    reply = transaction.reply
    addresses = envelope_of(message).rcpt_to
    asked = transaction.asked  # as on the wire: without names, in IDNA
    if len(asked) != len(
        addresses
    ):  # none asked, or recipients() answers anew each time
        asked = addresses
    return DeliveryResult(
        recipients=tuple(
            _recipient(address, transaction.answers.get(on_wire), transaction)
            for address, on_wire in zip(addresses, asked, strict=True)
        ),
        code=reply.code if reply else None,
        enhanced=reply.enhanced if reply else "",
        text=reply.text if reply else "",
        message_id=transaction.message_id,
        mailer=mailer,
        seconds=seconds,
    )


def _recipient(
    address: str, answer: Reply | None, transaction: Transaction
) -> RecipientResult:
    """The fate of one recipient: its own refusal, else what befell the message."""
    deciding, kind = transaction.reply, transaction.kind
    if answer is not None and (answer.kind != "accepted" or kind == "accepted"):
        deciding = answer
        # A reply that makes no sense, before the body was sent: not taken, so far.
        kind = "transient" if answer.kind == "unknown" else answer.kind
    return RecipientResult(
        address=address,
        kind=kind,
        code=deciding.code if deciding else None,
        enhanced=deciding.enhanced if deciding else "",
        text=deciding.text if deciding else "The connection broke",
    )
