"""A batch over a leased session, which may turn out to be dead when it is used.

As long as the server has accepted nothing of a message, it goes out over a fresh session,
and nobody notices.
"""

from __future__ import annotations

import smtplib
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain

from django_mailplus.smtp.connection import SMTP, SMTP_SSL
from django_mailplus.smtp.jobs import Job
from django_mailplus.smtp.pipeline import send_all
from django_mailplus.smtp.pool import Lease
from django_mailplus.smtp.transaction import Transaction

__all__ = ["Leased", "send_leased"]

Leased = Lease[SMTP | SMTP_SSL]


def send_leased(
    lease: Leased, jobs: Iterable[Job]
) -> Generator[Transaction, None, None]:
    """As `send_all`; a session that was idle and is found dead is replaced, once.

    Raises what connecting raises. To stop early, close the generator.
    """
    source = iter(jobs)
    if not lease.fresh:
        waiting: deque[Job] = deque()
        with closing(send_all(lease.session, _noted(source, waiting))) as outcomes:
            for transaction in outcomes:
                if _nothing_accepted(transaction):
                    break
                waiting.popleft()
                yield transaction
            else:
                return
        lease.replace()
        source = chain(waiting, source)
    yield from send_all(lease.session, source)


def _noted(jobs: Iterator[Job], waiting: deque[Job]) -> Iterator[Job]:
    for job in jobs:
        waiting.append(job)
        yield job


def _nothing_accepted(transaction: Transaction) -> bool:
    """Whether the session ended, with 421 or none, before any reply to the message."""
    replies = [transaction.mail_reply, *transaction.answers.values()]
    return (
        isinstance(transaction.error, smtplib.SMTPServerDisconnected)
        and transaction.phase == "envelope"
        and all(reply is None or reply.code == 421 for reply in replies)
    )
