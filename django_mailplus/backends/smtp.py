"""SMTP, as Django has it, with nothing thrown away: no answer and no connection.

Takes the options of Django's own backend. After a send, every message carries a
`delivery_result` that says what the server answered for each recipient. Connections stay
open for the next message, and a batch costs about one round trip for each message.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any, ClassVar, cast

from django.core.checks import CheckMessage, Error, Warning
from django.core.mail import EmailMessage

from django_mailplus.backends.base import BackendKind, MailplusBackend
from django_mailplus.backends.connections import PooledBackend
from django_mailplus.backends.results import in_words, result_of
from django_mailplus.backends.streaming import Letter, MessageStream
from django_mailplus.blocking import check_may_send
from django_mailplus.compat import option_label, prepare_address
from django_mailplus.delivery import (
    DeliveryResult,
    Kind,
    classify,
    get_result,
    mark_unsent,
    set_result,
    unsent,
)
from django_mailplus.exceptions import PartialDeliveryError, UnsupportedMessageError
from django_mailplus.message.envelope import bare_address, envelope_of
from django_mailplus.message.merging import merged_by_the_api
from django_mailplus.message.wire import to_bytes
from django_mailplus.signals import message_failed, message_sent
from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.jobs import Job
from django_mailplus.smtp.options import find_mistakes
from django_mailplus.smtp.parallel import send_parallel
from django_mailplus.smtp.pipeline import send_all
from django_mailplus.smtp.sending import send_leased
from django_mailplus.smtp.session import Session
from django_mailplus.smtp.transaction import Transaction

__all__ = ["EmailBackend"]

logger = logging.getLogger(__name__)


class EmailBackend(MailplusBackend, PooledBackend):
    """Sends over SMTP; waits at most `timeout` seconds for an answer, 10 by default.

    A message that the server takes for some of its recipients only counts as sent;
    the others are told by `message_failed`, the log and `delivery_result.refused`.

    `pool_size` connections are kept per process, 0 for none; `pool_timeout` is how many
    seconds to wait for a free one, `pool_idle` and `pool_lifetime` how many seconds, and
    `pool_messages` how many messages, each is of use. With `concurrency` above 1 a batch
    goes over so many connections at once, every message is tried, and failures are
    raised together. `token` is a function, or its dotted path, that gives an access token
    to log in with in the place of a password.

    Raises what Django's backend raises; `PoolTimeout`; `PartialDeliveryError` with
    `concurrency`.
    """

    kind: ClassVar[BackendKind] = "leaf"
    verbatim: ClassVar[bool] = True

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

    # --- Sending ----------------------------------------------------------------------

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Send in order; a message that raises ends the batch, as in Django.

        With `concurrency` above 1 every message is tried. A receiver that sends through
        the backend that is sending does so over a connection of its own.
        """
        check_may_send()
        with self._lock:
            backend = self._apart() if self._sending else self
            return backend._send_batch(email_messages)

    def _send_batch(self, email_messages: Iterable[EmailMessage]) -> int:
        messages = iter(email_messages or ())
        if (first := next(messages, None)) is None:
            return 0
        messages = chain([first], messages)
        never_sent: Iterable[EmailMessage] = ()
        if isinstance(email_messages, Sequence):
            never_sent = messages
            for message in email_messages:
                set_result(message, None)
        else:  # read once, and perhaps not to its end
            messages = map(_without_result, messages)
        error: Exception | None = None
        try:
            return self._send_all(messages)
        except Exception as raised:
            error = raised
            raise
        finally:
            for message in never_sent:
                self._report_unsent(message, error)

    def _send_all(self, messages: Iterator[EmailMessage]) -> int:
        ours = type(self)._send is EmailBackend._send
        if self.concurrency > 1 and ours and self._connects_itself:
            with self._busy():
                return self._send_at_once(messages)
        opened = self.open()
        if not self.connection or opened is None:
            return 0
        try:
            with self._busy():
                if ours and self._pipelines:
                    return self._send_in_order(messages)
                return sum(bool(self._send(message)) for message in messages)
        finally:
            if opened:
                self.close()

    @property
    def _pipelines(self) -> bool:
        """Whether the connection is a session of ours, as it was made."""
        connection = self.connection
        return isinstance(connection, (SMTP, SMTP_SSL)) and "sendmail" not in vars(
            connection
        )

    def _send(self, email_message: EmailMessage) -> bool:
        if not self._pipelines:
            return bool(super()._send(email_message))  # type: ignore[misc]  # private to Django
        return bool(self._send_in_order(iter([email_message])))

    def _send_in_order(self, messages: Iterator[EmailMessage]) -> int:
        read: deque[Letter] = deque()  # written, and without outcome yet
        error: Exception | None = None
        try:
            return self._send_written(self._jobs(messages, read), read)
        except Exception as raised:
            error = raised
            raise
        finally:
            for letter in read:
                self._report_unsent(letter.message, error, letter.addresses)

    def _send_written(self, jobs: Iterator[Job], read: deque[Letter]) -> int:
        sent = 0
        started = time.perf_counter()
        with closing(self._outcomes(jobs)) as outcomes:
            for transaction in outcomes:
                now = time.perf_counter()
                error = self._conclude(read.popleft(), transaction, now - started)
                started = now
                sent += error is None
                if error is not None and not (
                    self.fail_silently and isinstance(error, OSError)
                ):
                    raise error
        return sent

    def _outcomes(self, jobs: Iterator[Job]) -> Generator[Transaction, None, None]:
        lease = self._lease
        if lease is None:
            yield from send_all(cast("Session", self.connection), jobs)
            return
        try:
            with closing(send_leased(lease, jobs)) as outcomes:
                for transaction in outcomes:
                    self.connection = lease.session  # a dead one was replaced
                    yield transaction
        except OSError as error:  # of connecting anew
            mark_unsent(error)
            if not self.fail_silently:
                raise

    def _jobs(
        self, messages: Iterator[EmailMessage], read: deque[Letter]
    ) -> Iterator[Job]:
        for message in messages:
            if (written := self._written(message)) is not None:
                letter, job = written
                read.append(letter)
                yield job

    def _written(self, message: EmailMessage) -> tuple[Letter, Job] | None:
        """The message as bytes, None for one to nobody.

        Raises what Django raises for one that cannot be written.
        """
        started = time.perf_counter()
        addresses = None
        try:
            if not (recipients := message.recipients()):
                return None
            addresses = tuple(map(bare_address, recipients))
            self._refuse_to_merge(message)
            job = Job(
                mail_from=prepare_address(self, message, message.from_email),
                rcpt_to=tuple(prepare_address(self, message, a) for a in recipients),
                body=to_bytes(message),
            )
        except Exception as error:
            self._report_unsent(message, error, addresses, written=False)
            raise
        return Letter(message, addresses, started), job

    def _refuse_to_merge(self, message: EmailMessage) -> None:
        if names := merged_by_the_api(message):
            raise UnsupportedMessageError(
                self.alias,
                f"the message has {', '.join(names)}, by which a provider's API writes a "
                "mail to each recipient. SMTP sends the same to all, who would see each "
                "other: use a mailer of django-anymail, or send one message to each.",
            )

    def stream(self, concurrency: int | None = None) -> MessageStream | None:
        """For an outbox: to begin to send and to learn of outcomes apart; or None.

        Over as many connections as are kept open, unless there is a `concurrency`.
        """
        if type(self)._send is not EmailBackend._send or not self._connects_itself:
            return None
        usual = self.concurrency if self.concurrency > 1 else self._limits.size
        width = concurrency or usual
        return MessageStream(
            self._lending_pool(least=width),
            width=width,
            write=self._written,
            conclude=self._conclude,
        )

    def _send_at_once(self, messages: Iterator[EmailMessage]) -> int:
        sent = 0
        failures: list[tuple[EmailMessage, Exception]] = []
        jobs = self._letters(messages, failures)
        pool = self._lending_pool()
        with closing(
            send_parallel(pool, jobs, connections=self.concurrency)
        ) as outcomes:
            for letter, transaction in outcomes:
                error = self._conclude(letter, transaction)
                sent += error is None
                if error is not None:
                    failures.append((letter.message, error))
        if self.fail_silently:  # as in order: mistakes are never swallowed
            failures = [(m, e) for m, e in failures if not isinstance(e, OSError)]
        if failures:
            raise self._summary(sent, failures)
        return sent

    def _letters(
        self,
        messages: Iterator[EmailMessage],
        failures: list[tuple[EmailMessage, Exception]],
    ) -> Iterator[tuple[Letter, Job]]:
        for message in messages:
            try:
                written = self._written(message)
            except Exception as error:
                failures.append((message, error))
            else:
                if written is not None:
                    yield written

    def _summary(
        self, sent: int, failures: list[tuple[EmailMessage, Exception]]
    ) -> Exception:
        """One error for all; the error itself where nothing else was in the way."""
        errors = {id(error): error for _, error in failures}
        if not sent and len(errors) == 1:
            [error] = errors.values()
            return error
        return PartialDeliveryError(sent=sent, failures=failures)

    # --- Telling ----------------------------------------------------------------------

    def _conclude(
        self, letter: Letter, transaction: Transaction, seconds: float | None = None
    ) -> Exception | None:
        """Report the outcome of a message; the error that it comes to, if it does."""
        if seconds is None:
            seconds = time.perf_counter() - letter.started
        error = transaction.exception()
        if isinstance(error, OSError) and transaction.kind in (
            "transient",
            "permanent",
        ):
            mark_unsent(error)
        result = result_of(
            letter.addresses, transaction, mailer=self.alias, seconds=seconds
        )
        self._report(letter.message, result, error)
        return error

    def _report_unsent(
        self,
        message: EmailMessage,
        error: Exception | None,
        addresses: tuple[str, ...] | None = None,
        *,
        written: bool = True,
    ) -> None:
        """For a message that no server was asked to take; the error may be another's."""
        if get_result(message) is not None:
            return  # it stands twice in the batch, and was sent the first time
        try:
            if addresses is None:
                addresses = envelope_of(message).rcpt_to
        except Exception:  # of a recipients() that raises; the others are still told
            logger.warning("A message was not sent: its recipients() raises")
            return
        at_fault = not written and error is not None and classify(error) == "message"
        if addresses:
            kind: Kind = "permanent" if at_fault else "transient"
            result = unsent(addresses, error, kind=kind, mailer=self.alias)
            self._report(message, result, error)

    def _report(
        self, message: EmailMessage, result: DeliveryResult, error: Exception | None
    ) -> None:
        """Put the result on the message, tell the signals and the log."""
        set_result(message, result)
        told = {"sender": EmailBackend, "message": message, "result": result}
        if result.accepted:
            message_sent.send_robust(recipients=result.accepted, **told)
        if result.refused:
            logger.warning(
                "%s %s (mailer %s)",
                result.message_id or "Message",
                in_words(result, error),
                self.alias or "EMAIL_BACKEND",
            )
            message_failed.send_robust(recipients=result.refused, **told)


def _without_result(message: EmailMessage) -> EmailMessage:
    set_result(message, None)
    return message
