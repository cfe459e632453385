"""A batch over a leased session, which may end before the batch does.

As long as no content was sent and the server has refused nothing, a message goes out
over a fresh session, and nobody notices.
"""

from __future__ import annotations

import smtplib
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing

from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.jobs import Job
from django_mailplus.smtp.pipeline import PipeliningError, send_all
from django_mailplus.smtp.pool import Lease
from django_mailplus.smtp.transaction import Transaction

__all__ = ["Leased", "send_leased"]

Leased = Lease[SMTP | SMTP_SSL]


def send_leased(
    lease: Leased, jobs: Iterable[Job]
) -> Generator[Transaction, None, None]:
    """As `send_all`; a session that ends is replaced, if it was of use until then.

    A session was of use if it came from the pool, or the server has answered to a
    message on it. So servers that close after some number of messages or of refusals
    cost nothing but connecting anew, and one that always closes is left alone. Raises
    what connecting raises. To stop early, close the generator.
    """
    source = _Source(jobs)
    of_use = not lease.fresh or lease.session.used > 0
    while True:
        with closing(send_all(lease.session, source)) as outcomes:
            for transaction in outcomes:
                if _mixed_up(transaction) or (of_use and _ended_before(transaction)):
                    break
                of_use = of_use or _answered(transaction)
                source.unsettled.popleft()
                yield transaction
            else:
                return
        lease.replace()
        of_use = False


class _Source:
    """The jobs; from the first one again that has no outcome, when iterated anew."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = iter(jobs)
        self._error: Exception | None = None
        self.unsettled: deque[Job] = deque()

    def __iter__(self) -> Iterator[Job]:
        yield from list(self.unsettled)
        if self._error is not None:
            raise self._error
        try:
            for job in self._jobs:
                self.unsettled.append(job)
                yield job
        except Exception as error:
            self._error = error  # to be raised behind the jobs before, not now
            raise


def _answered(transaction: Transaction) -> bool:
    reply = transaction.mail_reply
    return reply is not None and reply.code != 421


def _ended_before(transaction: Transaction) -> bool:
    """Whether the session ended, and nothing but 421 spoke against the message."""
    replies = [
        transaction.mail_reply,
        *transaction.answers.values(),
        transaction.final_reply,
    ]
    return (
        isinstance(transaction.error, smtplib.SMTPServerDisconnected)
        and transaction.phase in ("envelope", "refused")  # no content was sent
        and all(r is None or r.code == 421 or r.kind == "accepted" for r in replies)
    )


def _mixed_up(transaction: Transaction) -> bool:
    """Whether commands sent together confused the server; no content was sent.

    The next session sends them one by one, and so does not come to this.
    """
    return (
        isinstance(transaction.error, PipeliningError)
        and transaction.phase == "envelope"
    )
