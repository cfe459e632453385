"""Changes of the do-not-mail list; nobody else writes its table.

Each is one statement that can be run again, so that two at a time do no harm.
"""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import Error as DatabaseError
from django.db import IntegrityError, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.dispatch import Signal
from django.utils import timezone

from django_mailplus import signals
from django_mailplus.columns import storable
from django_mailplus.delivery import RecipientResult
from django_mailplus.message.envelope import bare_address
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again
from django_mailplus.suppression.models import Suppression, database, entries
from django_mailplus.suppression.reasons import Reason

__all__ = [
    "delete",
    "kept_back",
    "lift",
    "note_bounces",
    "prune",
    "stream_for",
    "suppress",
    "tell_added",
]

logger = logging.getLogger(__name__)

# Of the mailbox itself, whatever was in the mail.
_FOR_ALL_STREAMS = (Reason.HARD_BOUNCE, Reason.COMPLAINT, Reason.INVALID)


@tried_again(database)
def suppress(
    address: str,
    *,
    reason: Reason,
    stream: str = "",
    source: str = "",
    detail: str = "",
    expires_at: datetime.datetime | None = None,
) -> Suppression:
    """Mail this address no more; the entry that says so. A name with it is left out.

    For one stream, or all that the reason stops with ""; a bounce, a complaint and what is
    no address are for all. `source` and `detail` are for people; `expires_at` is an aware
    datetime, or None for ever. What is there for the same reason counts one more, and
    lasts as long as the later of the two. Sends `address_suppressed` once a new one is
    committed. Raises what the database raises.
    """
    address, reason = bare_address(address), Reason(reason)
    wanted = {
        "key": lookalike_key(address),
        "reason": reason,
        "stream": stream_for(reason, stream),
    }
    said = {"source": storable(source, 100), "detail": storable(detail, 500)}
    known = entries().filter(**wanted).first()
    if known is not None and (row := _renewed(wanted, said, expires_at)) is not None:
        if known.expires_at is not None and known.expires_at <= timezone.now():
            tell_added([row])
        return row
    row = Suppression(
        **wanted, **said, address=storable(address, 320), expires_at=expires_at
    )
    try:
        with transaction.atomic(using=database()):
            row.save(using=database(), force_insert=True)
    except IntegrityError:  # somebody else was as quick
        known = _renewed(wanted, said, expires_at)
        if known is None:
            raise
        return known
    tell_added([row])
    return row


def stream_for(reason: Reason, stream: str) -> str:
    """The stream that an entry is for: "", if the mailbox itself is the reason."""
    return "" if reason in _FOR_ALL_STREAMS else stream[:100]


def _renewed(
    wanted: dict[str, str], said: dict[str, str], expires_at: datetime.datetime | None
) -> Suppression | None:
    """In one statement, which sees what a transaction with a snapshot does not read."""
    found = entries().filter(**wanted)
    changes: dict[str, Any] = {name: text for name, text in said.items() if text}
    changes["expires_at"] = None
    if expires_at is not None:
        later = When(expires_at__lt=expires_at, then=Value(expires_at))
        changes["expires_at"] = Case(later, default=F("expires_at"))
    if not found.update(reported=F("reported") + 1, **changes):
        return None  # lifted at this moment
    return found.first()


def lift(
    address: str, *, reason: Reason | None = None, stream: str | None = None
) -> int:
    """Mail this address again: how many entries are gone.

    Those of one reason and of one stream alone, where they are given. Sends
    `suppression_lifted` for each once that is committed.
    """
    found = entries().filter(key=lookalike_key(bare_address(address)))
    if reason is not None:
        found = found.filter(reason=reason)
    if stream is not None:
        found = found.filter(stream=stream)
    return delete(found)


@tried_again(database)
def delete(rows: QuerySet[Suppression]) -> int:
    gone = list(rows)
    count, _ = rows.filter(pk__in=[row.pk for row in gone]).delete()
    _tell(signals.suppression_lifted, gone)
    return count


def kept_back(pks: Iterable[int]) -> None:
    """Count mails that were not sent, by the entries that kept them back.

    After the commit, lest other mail waits for a lock. Never raises: a number is not worth
    the other mails of a batch.
    """
    counted = partial(_count_kept_back, list(pks))
    with _telling("Mails kept back were not counted"):
        transaction.on_commit(counted, using=database())


def note_bounces(found: Iterable[RecipientResult], *, source: str) -> None:
    """After the commit, lest other mail waits for a lock; a rollback forgets them.

    Never raises: the mail is gone, or is not, in any case.
    """
    bounced = partial(_suppress_bounced, list(found), source)
    with _telling(_NOT_NOTED):
        transaction.on_commit(bounced, using=database())


_NOT_NOTED = "A bounce could not be noted on the do-not-mail list"


def _suppress_bounced(found: Iterable[RecipientResult], source: str) -> None:
    for recipient in found:
        with _telling(_NOT_NOTED):
            suppress(
                recipient.address,
                reason=Reason.HARD_BOUNCE,
                source=source,
                detail=f"{recipient.enhanced} {recipient.text}",
            )


@contextmanager
def _telling(failure: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        logger.warning("%s: %s", failure, type(error).__name__)


def _count_kept_back(pks: Iterable[int]) -> None:
    by_count: dict[int, list[int]] = {}
    for pk, count in Counter(pks).items():
        by_count.setdefault(count, []).append(pk)
    now = timezone.now()
    for count, same in by_count.items():
        added = {"kept_back": F("kept_back") + count, "last_kept_back_at": now}
        with _telling("Mails kept back were not counted"):
            entries().filter(pk__in=same).update(**added)


def prune(*, dry_run: bool = False) -> int:
    """Delete the entries that have expired: how many."""
    expired = entries().filter(expires_at__lte=timezone.now())
    return expired.count() if dry_run else expired.delete()[0]


def tell_added(rows: Iterable[Suppression]) -> None:
    _tell(signals.address_suppressed, rows)


def _tell(signal: Signal, rows: Iterable[Suppression]) -> None:
    for row in rows:
        send = partial(signal.send_robust, sender=Suppression, suppression=row)
        transaction.on_commit(send, using=database())
