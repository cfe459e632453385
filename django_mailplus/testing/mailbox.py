"""What arrived in a test: looked up at each call, never a list that has gone stale."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Unpack

import django.core.mail
from django.core.mail import EmailMessage

from django_mailplus.figures import count_of
from django_mailplus.testing.criteria import (
    Criteria,
    describe,
    differences,
    explain,
    refuse_mistakes,
)
from django_mailplus.testing.sent_mail import SentMail

__all__ = ["Mailbox"]


class Mailbox:
    """The mails in Django's test outbox, oldest first; or those that `source` gives."""

    def __init__(self, source: Callable[[], Sequence[SentMail]] | None = None) -> None:
        self._source = source or _TestOutbox()

    def __iter__(self) -> Iterator[SentMail]:
        return iter(self._source())

    def __len__(self) -> int:
        return len(self._source())

    def __repr__(self) -> str:
        return f"<Mailbox with {len(self)}>"

    def all(self, **criteria: Unpack[Criteria]) -> list[SentMail]:
        """Those that fulfil the criteria, oldest first; perhaps none."""
        refuse_mistakes(criteria)
        return [mail for mail in self if not differences(mail, criteria)]

    def latest(self, **criteria: Unpack[Criteria]) -> SentMail:
        """The newest that fulfils the criteria. Raises AssertionError if there is none."""
        __tracebackhide__ = True
        if found := self.all(**criteria):
            return found[-1]
        raise self._failure(f"No mail{describe(criteria)} arrived.", criteria)

    def one(self, **criteria: Unpack[Criteria]) -> SentMail:
        """The only one that fulfils the criteria. Raises AssertionError otherwise."""
        __tracebackhide__ = True
        found = self.all(**criteria)
        if len(found) == 1:
            return found[0]
        if not found:
            raise self._failure(f"No mail{describe(criteria)} arrived.", criteria)
        raise self._failure(
            f"{len(found)} mails{describe(criteria)} arrived, not one.",
            criteria,
            nearest=False,
        )

    def none(self, **criteria: Unpack[Criteria]) -> None:
        """Raises AssertionError if any mail fulfils the criteria."""
        __tracebackhide__ = True
        if found := self.all(**criteria):
            text = f"{count_of(len(found), 'mail')}{describe(criteria)} arrived, and none was to."
            raise self._failure(text, criteria, nearest=False)

    def _failure(
        self, problem: str, criteria: Criteria, *, nearest: bool = True
    ) -> AssertionError:
        text = explain(problem, [*self], criteria, nearest=nearest)
        if nearest and isinstance(self._source, _TestOutbox):
            text += "".join(f"\n{hint}" for hint in _hints())
        return AssertionError(text)

    def clear(self) -> None:
        """Throw away what arrived in Django's test outbox so far."""
        _arrived()[:] = []

    @contextlib.contextmanager
    def capture(self) -> Iterator[Mailbox]:
        """A mailbox of those alone that arrive from here on."""
        yield Mailbox(_TestOutbox(but=_arrived()))

    def deliver(self) -> int:
        """Send what is due in the durable outbox, through the mailers behind it.

        How many were tried; what became of each is in its row. Nothing is due where
        Django's test environment has replaced the outbox: see `override_mailers`.
        """
        from django_mailplus.outbox.mailers.configured import sending_mailers
        from django_mailplus.outbox.sending.draining import drain

        return drain([*sending_mailers()]).tried


def _arrived() -> list[EmailMessage]:
    return getattr(django.core.mail, "outbox", [])


class _TestOutbox:
    """The mails of Django's test outbox at this moment, but for some messages."""

    def __init__(self, but: Sequence[EmailMessage] = ()) -> None:
        self._but = [*but]  # kept, for the id of one that is gone is used again
        self._read: dict[int, SentMail] = {}

    def __call__(self) -> list[SentMail]:
        known = {id(message) for message in self._but}
        found = [message for message in _arrived() if id(message) not in known]
        self._read = {
            id(message): self._read.get(id(message)) or SentMail.of(message)
            for message in found
        }
        return [self._read[id(message)] for message in found]


def _hints() -> Iterator[str]:
    """Why it may be that a mail has not arrived."""
    if not hasattr(django.core.mail, "outbox"):
        yield "Django's test environment is not set up: mails go where MAILERS says."
    # A test may be without a database, or in a transaction that is broken.
    with contextlib.suppress(Exception):
        from django_mailplus.outbox.mailers.configured import sending_mailers
        from django_mailplus.outbox.models import OutboxMessage, database
        from django_mailplus.outbox.states import State

        if sending_mailers():
            rows = OutboxMessage.objects.using(database()).filter(state=State.QUEUED)
            if count := rows.count():
                waiting = "1 mail waits" if count == 1 else f"{count} mails wait"
                yield f"{waiting} in the outbox: mailbox.deliver() sends what is due."
