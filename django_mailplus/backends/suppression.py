"""Mail to nobody who must not be mailed, decided for each recipient when the mail leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from django.core.mail import EmailMessage
from django.db import Error as DatabaseError

from django_mailplus import signals
from django_mailplus.backends.base import WrapperBackend
from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    get_result,
    set_result,
    unsent,
)
from django_mailplus.exceptions import ListUnavailableError
from django_mailplus.message.envelope import envelope_of, everybody
from django_mailplus.message.narrowing import leave_out
from django_mailplus.message.redirecting import tamed
from django_mailplus.message.stream import stream_of

if TYPE_CHECKING:  # its table is there only once the apps are loaded
    from django_mailplus.suppression.lookup import Found

__all__ = ["EmailBackend"]

# That a mailbox, or its domain, is not there (RFC 3463 section 3.2, RFC 7505 section 4.2);
# others of X.1 are about the sender, or about a choice between several.
_NO_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})


class EmailBackend(WrapperBackend):
    """Sends to those who are not on the do-not-mail list: one query for 1,000 recipients.

    Put it behind an outbox, not only before: people unsubscribe while mail waits. A
    recipient who is left out is "suppressed" in `delivery_result`; whom the server calls
    unknown (5.1.1 and the like) is put on the list. Mail of a stream in
    MAILPLUS["BULK_STREAMS"] gets the headers by which mail programs unsubscribe, unless
    it has them.

    A message of a bulk stream to several recipients raises ValueError, unless a provider
    takes it apart: each needs a link of his own. Of a batch with such a message nothing
    is sent, and nobody is told of.
    """

    def prepare(self, message: EmailMessage) -> EmailMessage | None:
        return self.prepare_all([message])[0]

    def prepare_all(
        self, messages: Sequence[EmailMessage]
    ) -> Sequence[EmailMessage | None]:
        from django_mailplus.suppression.writing import kept_back

        found = _look_up(messages)
        told = list(map(_kept_from, messages, found))
        prepared = list(map(self._without, messages, found, told))
        for message, recipients in zip(messages, told, strict=True):
            if recipients:
                self._tell(message, recipients)
        if pks := [entry.pk for stopped in found for entry in stopped.values()]:
            kept_back(pks)
        return prepared

    def _without(
        self,
        message: EmailMessage,
        stopped: Mapping[str, Found],
        told: tuple[RecipientResult, ...],
    ) -> EmailMessage | None:
        from django_mailplus.suppression.bulk import is_bulk
        from django_mailplus.suppression.headers import with_headers

        if stopped:
            if len(told) == len(everybody(message)):
                set_result(message, _result(told, self.alias))
                return None
            message = tamed(message)  # one of a class with a recipients() of its own
            leave_out(message, stopped)
        if is_bulk(stream := stream_of(message)):
            message = with_headers(message, stream)
        message.mailplus_suppressed = told  # type: ignore[attr-defined]
        return message

    def _tell(self, message: EmailMessage, told: tuple[RecipientResult, ...]) -> None:
        signals.message_suppressed.send_robust(
            EmailBackend,  # also of a subclass, as with the other signals
            message=message,
            result=_result(told, self.alias),
            recipients=told,
        )

    def carry(
        self,
        sent: EmailMessage,
        original: EmailMessage,
        error: BaseException | None = None,
    ) -> None:
        super().carry(sent, original, error)
        result = get_result(original)
        if result is not None:
            _note_bounces(result, self.alias)
        told = getattr(sent, "mailplus_suppressed", ())
        if not told:
            return
        if result is None and error is None:  # a backend that raises or does not
            result = unsent(envelope_of(sent).rcpt_to, None, kind="accepted")
            result = replace(result, text="")
        if result is not None:
            recipients = (*result.recipients, *told)
            set_result(original, replace(result, recipients=recipients))


def _look_up(messages: Sequence[EmailMessage]) -> list[Mapping[str, Found]]:
    """For each message those of its recipients who are on the list."""
    try:
        return list(_found(messages))
    except DatabaseError as error:
        kind = type(error).__name__
        text = f"The do-not-mail list cannot be read ({kind}), so nothing was sent."
        raise ListUnavailableError(text) from error


def _found(messages: Sequence[EmailMessage]) -> Iterator[Mapping[str, Found]]:
    from django_mailplus.suppression.lookup import find

    recipients = list(map(everybody, messages))
    streams = [stream_of(message) for message in messages]
    addresses: dict[str, list[str]] = {}
    for stream, of_one in zip(streams, recipients, strict=True):
        addresses.setdefault(stream, []).extend(of_one)
    found = {stream: find(each, stream=stream) for stream, each in addresses.items()}
    for stream, of_one in zip(streams, recipients, strict=True):
        on_list = found[stream]
        yield {address: on_list[address] for address in of_one if address in on_list}


def _kept_from(
    message: EmailMessage, stopped: Mapping[str, Found]
) -> tuple[RecipientResult, ...]:
    if not stopped:
        return ()
    return tuple(_told(a, stopped[a]) for a in everybody(message) if a in stopped)


def _told(address: str, entry: Found) -> RecipientResult:
    text = f"Not sent: on the do-not-mail list ({entry.reason.value})"
    return RecipientResult(address=address, kind="suppressed", text=text)


def _result(told: tuple[RecipientResult, ...], mailer: str | None) -> DeliveryResult:
    return DeliveryResult(recipients=told, text=told[0].text, mailer=mailer)


def _note_bounces(result: DeliveryResult, mailer: str | None) -> None:
    """What is said of the sender, or of a mail to several, is not said of a mailbox."""
    gone = [
        r
        for r in result.recipients
        if r.own and r.kind == "permanent" and r.enhanced in _NO_MAILBOX
    ]
    if gone:
        from django_mailplus.suppression.writing import note_bounces

        note_bounces(gone, source=f"SMTP {result.mailer or mailer or ''}".strip())
