"""Keeps mail for people to look at, in a browser: instead of sending it, or besides."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage
from django.core.mail import EmailMessage
from django.db import Error as DatabaseError

from django_mailplus.backends.base import WrapperBackend
from django_mailplus.backends.declaring import BackendKind, MailplusBackend
from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    get_result,
    set_result,
)
from django_mailplus.message.copying import freeze
from django_mailplus.message.envelope import everybody
from django_mailplus.message.headers import extra_header
from django_mailplus.message.wire import to_bytes

if TYPE_CHECKING:
    from django_mailplus.inbox.models import Outcome
    from django_mailplus.outbox.sending.streams import Stream

__all__ = ["EmailBackend"]

logger = logging.getLogger(__name__)

_AT_ONCE = 50  # mails of one statement


class EmailBackend(MailplusBackend):
    """Catches mail: nobody gets it, and who may open the inbox reads it there.

    With `using` the mailer of that name sends it as well, and what became of it stands
    beside the mail. A mail sent in a transaction is in the inbox when that is committed.

    Returns how many were caught, or sent. Raises what the database raises; with `using` a
    mail goes out even if the inbox cannot keep it.
    """

    kind: ClassVar[BackendKind] = "leaf"

    def __init__(
        self, *, using: Any = None, fail_silently: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.fail_silently = fail_silently
        self._onward = (
            None
            if using is None
            else _Onward(using=using, fail_silently=fail_silently, alias=self.alias)
        )

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        if options.get("using") is None:
            return super().check(alias, options)
        return _Onward.check(alias, options)

    def open(self) -> bool | None:
        return self._onward.open() if self._onward else None

    def close(self) -> None:
        if self._onward:
            self._onward.close()

    def stream(self, concurrency: int | None = None) -> Stream | None:
        """For an outbox: to begin to send and to learn of outcomes apart."""
        return self._onward.stream(concurrency) if self._onward else None

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        if self._onward:
            self._onward.fail_silently = self.fail_silently
            return self._onward.send_messages(email_messages)
        waiting, count = iter(email_messages), 0
        while batch := list(islice(waiting, _AT_ONCE)):
            for message in batch:
                set_result(message, None)
            batch = [message for message in batch if message.recipients()]
            frozen = [freeze(message) for message in batch]
            _keep(frozen, self.alias)
            for message, kept in zip(batch, frozen, strict=True):
                set_result(message, self._caught(kept))
            count += len(batch)
        return count

    def _caught(self, message: EmailMessage) -> DeliveryResult:
        text = "Caught by the inbox"
        return DeliveryResult(
            recipients=tuple(
                RecipientResult(address=address, kind="accepted", text=text)
                for address in everybody(message)
            ),
            text=text,
            message_id=extra_header(message, "Message-ID"),
            mailer=self.alias,
        )


class _Onward(WrapperBackend):
    """Keeps what it passes on, and then what became of it."""

    def prepare(self, message: EmailMessage) -> EmailMessage | None:
        return self.prepare_all([message])[0]

    def prepare_all(self, messages: Sequence[EmailMessage]) -> Sequence[EmailMessage]:
        frozen = [freeze(message) for message in messages]
        kept = [message for message in frozen if message.recipients()]
        try:
            from django_mailplus.inbox.models import Outcome

            ids = _keep(kept, self.alias, Outcome.SENDING)
        except DatabaseError as error:
            self._log(error)
        else:
            for message, number in zip(kept, ids, strict=True):
                message.mailplus_caught = number  # type: ignore[attr-defined]
        return frozen

    def carry(
        self,
        sent: EmailMessage,
        original: EmailMessage,
        error: BaseException | None = None,
    ) -> None:
        super().carry(sent, original, error)
        number = vars(sent).get("mailplus_caught")
        if number is None:
            return
        from django_mailplus.inbox.changing import note_delivery

        try:
            note_delivery(number, get_result(original), error)
        except DatabaseError as failure:
            self._log(failure)

    def _log(self, error: DatabaseError) -> None:
        kind = type(error).__name__
        logger.warning("The inbox could not keep a mail that is sent: %s", kind)


def _keep(
    messages: Sequence[EmailMessage], alias: str | None, outcome: Outcome | None = None
) -> list[int]:
    """Their numbers in the inbox."""
    from django_mailplus.inbox.catching import Arrival, catch
    from django_mailplus.inbox.models import Outcome
    from django_mailplus.inbox.origin import origin_of, place
    from django_mailplus.inbox.summary import recipients_of

    here = place()
    return catch(
        [
            Arrival(
                raw=to_bytes(message),
                recipients=recipients_of(message),
                source="backend",
                mailer=alias or "",
                outcome=outcome or Outcome.CAUGHT,
                origin=origin_of(message, here),
            )
            for message in messages
        ]
    )
