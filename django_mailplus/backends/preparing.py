"""A wrapper on the way of messages that come one after another, from an outbox."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from django.core.mail import EmailMessage

from django_mailplus.delivery import DeliveryResult, set_result
from django_mailplus.message.copying import copy_message
from django_mailplus.outbox.sending.streams import Outcome, Stream

__all__ = ["PreparedStream"]


class PreparedStream:
    """`prepare` gives the message to send instead, or None; `dropped` the result of one
    that is not sent; `carry` tells the original what became of what was sent.
    """

    def __init__(
        self,
        inner: Stream,
        *,
        prepare: Callable[[EmailMessage], EmailMessage | None],
        dropped: Callable[[EmailMessage, EmailMessage], DeliveryResult],
        carry: Callable[[EmailMessage, EmailMessage, Exception | None], None],
    ) -> None:
        self._inner, self._prepare = inner, prepare
        self._dropped, self._carry = dropped, carry
        self._originals: dict[int, EmailMessage] = {}  # by the id() of what is sent
        self._finished: deque[Outcome] = deque()

    @property
    def window(self) -> int:
        return self._inner.window

    def put(self, message: EmailMessage, before: Callable[[], None]) -> None:
        set_result(message, None)
        copied = copy_message(message)
        try:
            prepared = self._prepare(copied)
        except Exception as error:
            self._finished.append((message, error))
            return
        if prepared is None:
            set_result(message, self._dropped(copied, message))
            self._finished.append((message, None))
        else:
            if id(prepared) in self._originals:  # one that is sent for several
                prepared = copy_message(prepared)
            self._originals[id(prepared)] = message
            self._inner.put(prepared, before)

    def get(self, timeout: float) -> Outcome | None:
        if self._finished:
            return self._finished.popleft()
        if (outcome := self._inner.get(timeout)) is None:
            return None
        sent, error = outcome
        original = self._originals.pop(id(sent))
        self._carry(sent, original, error)
        return original, error

    def recorded(self) -> None:
        self._inner.recorded()

    def close(self) -> None:
        self._inner.close()
