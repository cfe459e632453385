"""Django's sendtestemail, which also says what became of the mail and why.

Every option of Django's keeps its meaning; new are the report, the exit code, and that
a failure comes with its cause and its remedy.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.sendtestemail import Command as DjangoCommand
from django.db import Error

from django_mailplus import chain
from django_mailplus.backends.tracing import Hop, hop, listening
from django_mailplus.compat import (
    DEFAULT_MAILER_ALIAS,
    NATIVE,
    MailerDoesNotExist,
    get_mailer,
    mailer_settings,
    mailers_defined,
)
from django_mailplus.delivery import DeliveryResult, classify, get_result
from django_mailplus.doctor import report
from django_mailplus.doctor.catalogue import ServerSettings, explain
from django_mailplus.mail import EmailMultiAlternatives
from django_mailplus.management import queued
from django_mailplus.management.guessing import did_you_mean
from django_mailplus.management.hops import lines, origin
from django_mailplus.management.testmails import nobody, test_mails
from django_mailplus.management.verdicts import (
    has_answers,
    is_kept_back,
    left_out,
    outcome,
    verdict,
)
from django_mailplus.outbox.outage import unmigrated
from django_mailplus.outbox.rows.storing import Stored, noting
from django_mailplus.smtp.transcript import Direction, recording

__all__ = ["Command"]

_TRACE_SIGNS: dict[Direction, str] = {"C": ">", "S": "<", "*": "*"}
_PERHAPS_SENT = (
    "The connection broke after the whole message was handed over. It may have arrived: "
    "look into the mailbox before you send it again."
)
_STYLES = {"accepted": "SUCCESS", "perhaps sent": "WARNING"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    text: str
    error: BaseException | None = None
    final: bool = False  # to go on with the next message makes no sense


class Command(DjangoCommand):
    help = (
        "Sends a test email to the email addresses specified as arguments, and reports "
        "each recipient's answer, or the cause of a failure and its remedy."
    )
    missing_args_message = "You must specify some email recipients, or pass the --managers or --admins options."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        if not NATIVE:
            parser.add_argument(
                "--using",
                default=None,
                help="Specify the MAILERS alias to use. Defaults to 'default'.",
            )
        parser.add_argument(
            "--from",
            dest="from_email",
            metavar="ADDRESS",
            help="Send from this address instead of DEFAULT_FROM_EMAIL or SERVER_EMAIL.",
        )
        parser.add_argument(
            "--html",
            action="store_true",
            help="Add an HTML alternative to the message.",
        )
        parser.add_argument(
            "--attach",
            action="append",
            default=[],
            metavar="FILE",
            help="Attach a file. May be given several times.",
        )
        parser.add_argument(
            "--trace",
            action="store_true",
            help="Print the SMTP dialogue, without logins and message content, and the "
            "way from mailer to mailer.",
        )

    def handle(self, *args: Any, using: str | None = None, **options: Any) -> None:
        self.alias = using or DEFAULT_MAILER_ALIAS
        ends = list(chain.leaves(self.alias))
        # Of several ends nobody knows which one failed.
        self.leaf = ends[0] if len(ends) == 1 else self.alias
        self.quiet = options["verbosity"] == 0
        messages, empty = test_mails(options)
        if not messages:
            raise CommandError(nobody(empty) if empty else self.missing_args_message)
        self._print_row("Mailer", chain.describe(self.alias))
        problems = []
        for message in messages:
            problem = self._send(message, trace=options["trace"])
            if problem is not None:
                problems.append(problem)
                if problem.final:
                    break
        if empty:
            problems.append(_Problem(text=nobody(empty)))
        if problems:
            raise CommandError("\n\n".join(p.text for p in problems)) from problems[
                0
            ].error

    # --- Sending ---------------------------------------------------------------------------

    def _send(self, message: EmailMultiAlternatives, *, trace: bool) -> _Problem | None:
        self._print_row("From", message.from_email)
        self._print_row("To", ", ".join(message.recipients()))
        self._print()
        backend: Any = None
        count, error = None, None
        started = time.perf_counter()
        try:
            with (
                listening() as hops,
                _log_not_on_stderr(),
                self._tracing(trace),
                noting() as noted,
                hop(self.alias, [message]) as told,
            ):
                backend = get_mailer(self.alias)
                count = told.count = backend.send_messages([message])
        except Exception as raised:
            error = raised
            # A connection that failed at login is still open.
            with contextlib.suppress(Exception):
                backend.close()
        seconds = time.perf_counter() - started
        server = self._server(backend)
        result = get_result(message)
        if trace:
            self._print_hops(hops, [stored for _, stored in noted])
        if has_answers(result):
            self._print_result(result, seconds, report.secrets(server))
        elif error is None and noted:
            return self._print_queued([stored for _, stored in noted], message)
        elif error is None and result is None:
            self._print_unreported(backend, count, seconds)
        return self._problem(error, result, count, server, hops)

    def _server(self, backend: Any) -> ServerSettings:
        """What is configured for the server at the end of the chain, if there is one end."""
        inner: str | None = self.leaf
        if not mailers_defined() and chain.kind_of(self.leaf) != "leaf":
            inner = None  # a wrapper named in EMAIL_BACKEND wraps the EMAIL_ settings
        if inner == self.alias:
            return ServerSettings.of(backend)
        return self._settings_of(inner)

    def _settings_of(self, alias: str | None) -> ServerSettings:
        with contextlib.suppress(Exception):
            return ServerSettings.of(get_mailer(alias))
        return ServerSettings()

    def _problem(
        self,
        error: Exception | None,
        result: DeliveryResult | None,
        count: int | None,
        server: ServerSettings,
        hops: list[Hop],
    ) -> _Problem | None:
        if error is not None:
            final = classify(error) not in ("message", "recipient")
            text = self._explained(error, server, result, origin(hops, error))
            return _Problem(text=text, error=error, final=final)
        if has_answers(result) and result.refused:
            if all(map(is_kept_back, result.refused)):
                return _Problem(text=self._listed(outcome(result), [*left_out(result)]))
            refusal: BaseException = report.failure(result)
            # What no server has said was raised by a mailer on the way to one.
            at = None if any(r.code for r in result.refused) else origin(hops)
            if at is not None and at.error is not None:
                refusal = at.error
            return _Problem(text=self._explained(refusal, server, result, at))
        if count == 0:
            return _Problem(
                text=f"The mailer {self.alias!r} reports that it sent nothing."
            )
        return None

    @contextlib.contextmanager
    def _tracing(self, wanted: bool) -> Iterator[None]:
        if not wanted:
            yield
            return
        with recording(self._print_traced) as transcript:
            try:
                yield
            finally:
                if not transcript.lines:
                    self._print_traced(
                        "*", "no SMTP dialogue took place in this process"
                    )
                self._print()

    # --- Printing ---------------------------------------------------------------------------

    def _print(self, line: str = "") -> None:
        if not self.quiet:
            self.stdout.write(line)

    def _print_row(self, label: str, text: str) -> None:
        self._print(f"{label:<{report.LABEL_WIDTH}}{report.one_line(text)}")

    def _print_traced(self, direction: Direction, line: str) -> None:
        self.stdout.write(f"  {_TRACE_SIGNS[direction]} {line}")

    def _print_hops(self, hops: list[Hop], mails: list[Stored]) -> None:
        hide = [
            secret
            for leaf in dict.fromkeys([self.leaf, *chain.leaves(self.alias)])
            for secret in report.secrets(self._settings_of(leaf))
        ]
        stored = queued.so_far([queued.find(mail.id) for mail in mails])
        for line in lines(hops, stored=stored, hide=hide):
            self.stdout.write(f"  {line}")
        self._print()

    def _print_result(
        self, result: DeliveryResult, seconds: float, hide: list[str]
    ) -> None:
        rows = [
            (verdict(r), report.one_line(r.address), report.answer(r, hide=hide))
            for r in result.recipients
        ]
        first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
        for word, address, answer in rows:
            paint = getattr(self.style, _STYLES.get(word, "ERROR"))
            self._print(
                f"  {paint(word.ljust(first))}  {address.ljust(second)}  {answer}"
            )
        self._print()
        answer = report.answer(result, hide=hide)
        if answer and (result.code is not None or not result.refused):
            self._print_row("Reply", answer)
        if result.mailer not in (None, self.alias):
            self._print_row("Through", str(result.mailer))
        if result.message_id:
            self._print_row("ID", result.message_id)
        self._print_row(
            "Time", f"{seconds:.2f} s, {result.seconds:.2f} s of it for the message"
        )
        self._print()

    def _print_unreported(
        self, backend: Any, count: int | None, seconds: float
    ) -> None:
        """A backend that is not ours: its number of messages is all that is known."""
        kind = type(backend).__module__.rpartition(".")[2]
        took = "took the message" if count is None else f"accepted {count} message"
        took += "" if count in (None, 1) else "s"
        self._print_row(
            "Result", f"the {kind} backend {took}; it reports nothing on recipients"
        )
        self._print_row("Time", f"{seconds:.2f} s")
        self._print()

    def _print_queued(
        self, mails: list[Stored], message: EmailMultiAlternatives
    ) -> _Problem | None:
        """It is in an outbox, and perhaps somebody has sent it already."""
        failed = []
        for stored in mails:
            mail = queued.find(stored.id)
            for row in queued.rows(mail, self.alias, message.recipients()):
                self._print_row(*row)
            failed += [mail] if queued.is_unsent(mail) else []
        self._print()
        if failed:
            return _Problem(text=f"{self.alias}: the mail was not sent.")
        return None

    # --- Failures ---------------------------------------------------------------------------

    def _explained(
        self,
        error: BaseException,
        server: ServerSettings,
        result: DeliveryResult | None,
        at: Hop | None,
    ) -> str:
        """What went wrong, why, and what to change, without any password."""
        leaf = self.leaf
        if at is not None and at.alias not in (None, self.alias, leaf):
            leaf, server = str(at.alias), self._settings_of(at.alias)
        diagnosis = explain(
            error,
            server=server,
            alias=leaf,
            style="mailers" if mailers_defined() else "email",
        )
        rows = [("Error", report.error_text(error, hide=report.secrets(server)))]
        if leaf != self.leaf:
            rows.insert(0, ("Through", leaf))
        if diagnosis is None:
            headline = outcome(result)
        else:
            doubt = "" if diagnosis.confirmed else "probably: "
            headline = f"{doubt}{diagnosis.title}."
            rows += [("Cause", diagnosis.cause), ("Remedy", diagnosis.remedy)]
        if isinstance(error, MailerDoesNotExist):
            known = [str(alias) for alias in mailer_settings()]
            guess = did_you_mean(self.alias, known)
            rows.insert(1, ("Mailers", f"{', '.join(known)}.{guess}"))
        if isinstance(error, Error) and (fault := unmigrated(error)):
            rows.append(("Remedy", fault))
        recipients = result.recipients if result is not None else ()
        rows[:0] = left_out(result)
        if any(r.kind == "unknown" for r in recipients):
            rows.append(("Note", _PERHAPS_SENT))
        return self._listed(headline, rows)

    def _listed(self, headline: str, rows: list[tuple[str, str]]) -> str:
        return "\n".join(
            [f"{self.alias}: {headline}", "", *(report.row(*row) for row in rows)]
        )


@contextlib.contextmanager
def _log_not_on_stderr() -> Iterator[None]:
    """Keep Python's last resort from printing our own log into the report.

    Handlers that the project configured still get everything.
    """
    logger, handler = logging.getLogger("django_mailplus"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
