"""What is handed on to other mailers by alias: opened, used, closed, and what they tell."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.core.checks import CheckMessage, Error
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.backends.declaring import MailplusBackend
from django_mailplus.backends.results import carry_result
from django_mailplus.backends.tracing import hop
from django_mailplus.chain import aliases_in, refuse_cycle
from django_mailplus.compat import InvalidMailer, get_mailer, mailers, mailers_defined
from django_mailplus.delivery import get_result, set_result, unsent
from django_mailplus.exceptions import NotSentError, PartialDeliveryError
from django_mailplus.message.envelope import envelope_of

__all__ = ["Forwarding", "Pair"]

Pair = tuple[EmailMessage, EmailMessage]
"""A message of the caller's, and the copy that is sent in its place."""


class Forwarding(MailplusBackend):
    """Opens, uses and closes the mailers it names with `using`."""

    def __init__(
        self,
        *,
        using: Any = None,
        fail_silently: bool = False,
        alias: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(alias=alias, **options)
        self.alias = alias
        self.fail_silently = fail_silently
        self.using = self._aliases(using)
        if alias is not None:
            refuse_cycle(alias)
        self._opened: dict[str | None, BaseEmailBackend] = {}

    def _aliases(self, using: Any) -> tuple[str | None, ...]:
        """The aliases to send through; (None,) is our SMTP backend with EMAIL_ settings."""
        if using is None and not mailers_defined():
            return (None,)
        aliases = aliases_in(using)
        if not aliases:
            raise InvalidMailer(
                f"OPTIONS must define 'using': the alias of the mailer that {self._expects} "
                f"(configured: {_configured()}).",
                alias=self.alias,
            )
        for name in aliases:
            if name not in mailers:
                raise InvalidMailer(
                    f"'using' names the mailer {name!r}, which is not configured "
                    f"(configured: {_configured()}).",
                    alias=self.alias,
                )
        return aliases

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        findings = super().check(alias, options)
        if alias is not None and not aliases_in(options.get("using")):
            findings.append(
                Error(
                    f"MAILERS[{alias!r}]: OPTIONS must define 'using'.",
                    hint=f"Name the alias of the mailer that {cls._expects}.",
                    id="mailplus.E005",
                )
            )
        return findings

    _expects: ClassVar[str] = "sends"

    def _mailer(self, alias: str | None) -> BaseEmailBackend:
        """The open mailer, or a new one that connects for this call alone."""
        mailer = self._opened.get(alias) or get_mailer(alias)
        if self.fail_silently:
            # It has to go on after a failure itself: an error would end the whole batch.
            mailer.fail_silently = True
        return mailer

    def open(self) -> bool | None:
        """Open every mailer behind this one; True if that made a new connection.

        None if one could not be reached and `fail_silently` says to go on.
        """
        made_one = False
        for alias in self.using:
            if alias not in self._opened:
                self._opened[alias] = get_mailer(alias)
            try:
                made_one = bool(self._opened[alias].open()) or made_one
            except OSError:
                if not self.fail_silently:
                    raise
                return None
        return made_one

    def close(self) -> None:
        opened, self._opened = self._opened, {}
        with contextlib.ExitStack() as stack:  # one that fails keeps no other open
            for mailer in opened.values():
                stack.callback(mailer.close)

    def _forward(self, alias: str | None, pairs: list[Pair]) -> int:
        """Send the copies in one call and hand their results to the originals."""
        leaving = [copied for _, copied in pairs]
        failed: BaseException | None = None
        try:
            with hop(alias, leaving) as told:
                told.count = self._mailer(alias).send_messages(leaving)
                if (told.count or 0) < len(leaving):
                    failed = NotSentError("The backend fails silently.")
                return told.count or 0
        except PartialDeliveryError as error:
            failed = error
            originals = {id(copied): original for original, copied in pairs}
            failures = [(originals.get(id(m), m), why) for m, why in error.failures]
            raise PartialDeliveryError(sent=error.sent, failures=failures) from error
        except BaseException as error:
            failed = error
            # What smtplib and sockets raise; mistakes are never swallowed.
            if self.fail_silently and isinstance(error, OSError):
                return 0
            raise
        finally:
            for original, copied in pairs:
                self.carry(copied, original, failed)

    def carry(
        self,
        sent: EmailMessage,
        original: EmailMessage,
        error: BaseException | None = None,
    ) -> None:
        """Tell the caller's message what became of what was sent in its place.

        `error` is what was raised; or a NotSentError, if the next mailer says that it sent
        fewer than it was given.
        """
        carry_result(sent, original)

    def _note_unsent(
        self, messages: Iterable[EmailMessage], error: BaseException
    ) -> None:
        """For those of which nothing is said yet."""
        for message in messages:
            if get_result(message) is not None:
                continue
            with contextlib.suppress(Exception):  # of a recipients() that raises
                addresses = envelope_of(message).rcpt_to
                set_result(message, unsent(addresses, error, mailer=self.alias))


def _configured() -> str:
    return ", ".join(map(repr, mailers)) or "none"
