"""Messages in and outcomes out over several connections, for whoever has an endless supply."""

from __future__ import annotations

import smtplib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from django.core.mail import EmailMessage

from django_mailplus.delivery import set_result
from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.jobs import Job
from django_mailplus.smtp.parallel import Stream
from django_mailplus.smtp.pool import Pool
from django_mailplus.smtp.transaction import Transaction

__all__ = ["Letter", "MessageStream"]

_LOOKS = 0.1  # seconds between two looks whether a batch was stopped


@dataclass(slots=True)
class Letter:
    """A message on its way; whoever wrote it may change it for the next one meanwhile."""

    message: EmailMessage
    addresses: tuple[str, ...]  # bare, as written
    started: float  # time.perf_counter()
    permit: bool = False  # whether its content has left


class MessageStream:
    """Over `width` connections; `write` and `conclude` are those of the backend.

    At most `cap` contents leave before their outcomes are on record. So many messages
    again as there are connections may be put beyond that: their envelopes leave with the
    contents before them.
    """

    def __init__(
        self,
        pool: Pool[SMTP | SMTP_SSL],
        *,
        width: int,
        write: Callable[[EmailMessage], tuple[Letter, Job] | None],
        conclude: Callable[[Letter, Transaction], Exception | None],
    ) -> None:
        self.cap, self.window = 2 * width, 3 * width
        self._permits = threading.Semaphore(self.cap)
        self._used = 0  # permits of messages whose outcome is not yet on record
        self._closing = False
        self._write, self._conclude = write, conclude
        self._stream: Stream[Letter] = Stream(pool, connections=width)
        self._never_sent: deque[tuple[EmailMessage, Exception | None]] = deque()

    def put(self, message: EmailMessage, before: Callable[[], None]) -> None:
        """Begin to send a message; what is wrong with it is in its outcome.

        `before` is called, in any thread, just before its content leaves, and may raise.
        """
        set_result(message, None)
        try:
            written = self._write(message)
        except Exception as error:
            self._never_sent.append((message, error))
        else:
            if written is None:
                self._never_sent.append((message, None))
            else:
                letter, job = written
                permit = partial(self._permit, letter, before)
                self._stream.put(letter, replace(job, permit=permit))

    def _permit(self, letter: Letter, before: Callable[[], None]) -> None:
        """Called again, where the content did not leave and goes over another session."""
        while not letter.permit:
            letter.permit = self._permits.acquire(timeout=_LOOKS)
            if self._closing and not letter.permit:
                raise smtplib.SMTPServerDisconnected("The batch was stopped")
        try:
            before()
        except BaseException:  # it does not leave
            letter.permit = False
            self._permits.release()
            raise

    def get(self, timeout: float) -> tuple[EmailMessage, Exception | None] | None:
        """The next outcome, in any order; None if there is none within the seconds."""
        if self._never_sent:
            return self._never_sent.popleft()
        if (found := self._stream.get(timeout)) is None:
            return None
        letter, transaction = found
        self._used += letter.permit
        return letter.message, self._conclude(letter, transaction)

    def recorded(self) -> None:
        """All outcomes that were given are on record: as many contents may leave."""
        for _ in range(self._used):
            self._permits.release()
        self._used = 0

    def close(self) -> None:
        """Finish what is on its way."""
        self._closing = True
        self._stream.close()
