"""What the outbox forgets and when: mails that are over, by their age; what they say, at once.

Mails that wait, are being sent or are held are never touched. A mail with an idempotency
key leaves the key behind for longer, emptied of everything else.
"""

from __future__ import annotations

import datetime
import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from django_mailplus.conf import setting
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Payload,
    ProviderMessage,
    Recipient,
    TrackingEvent,
    database,
)
from django_mailplus.outbox.rows import blobs
from django_mailplus.outbox.states import FINAL, State

__all__ = ["Pruned", "erase", "light_pass", "preview", "prune"]

logger = logging.getLogger(__name__)

_FAILED = (State.FAILED, State.UNKNOWN)
_AT_ONCE = 500  # rows of one transaction
_LONGEST = 36_500  # days; databases cannot count back for ever
# Nobody retries these, so nobody needs to know any more what they said.
_DONE_WITH = (State.SENT, State.SUPPRESSED, State.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many mails of each state went, how many left only their key, how many contents,
    such as attachments, nobody used any more, and how many files no transaction had kept.
    """

    deleted: Mapping[State, int] = field(default_factory=dict)
    emptied: Mapping[State, int] = field(default_factory=dict)
    contents: int = 0
    files: int = 0


def prune() -> Pruned:
    """Delete what is old enough, in short transactions. Raises DatabaseError."""
    deleted: Counter[State] = Counter()
    emptied: Counter[State] = Counter()
    for state in FINAL:
        for some in _oldest_first(_old(state).filter(_without_key())):
            deleted[state] += _delete(some, state)
        for some in _oldest_first(_old(state).filter(_with_key())):
            emptied[state] += _empty(some, state)
    erase(_sensitive())
    return Pruned(
        deleted=deleted,
        emptied=emptied,
        contents=blobs.remove_unused(),
        files=_remove_stray_files(),
    )


def preview() -> Pruned:
    """What `prune` would do with the mails now; their contents are not counted."""
    return Pruned(
        deleted={state: _old(state).filter(_without_key()).count() for state in FINAL},
        emptied={state: _old(state).filter(_with_key()).count() for state in FINAL},
    )


def light_pass(limit: int = _AT_ONCE) -> int:
    """A little of `prune`, for a worker to call every few minutes; how many mails.

    At most `limit` mails, in a few short transactions, and as many contents: also those
    of sensitive mails that were erased since. It looks for no files without a mail, of
    which a storage may have any number. Several workers at once do no harm. To be called
    outside of transactions. Raises DatabaseError.
    """
    changed = 0
    for state in FINAL:
        for which, act in ((_without_key(), _delete), (_with_key(), _empty)):
            old = _old(state).filter(which).order_by("finalised_at")
            changed += act(_ids(old, limit - changed), state)
    day = DatabaseNow() - datetime.timedelta(days=1)
    recent = _sensitive().filter(_says_something(), finalised_at__gte=day)
    changed += _erase(_ids(recent, limit - changed))
    blobs.remove_unused(limit)
    return changed


def _remove_stray_files() -> int:
    try:
        return blobs.remove_stray_files()
    except DatabaseError:
        raise
    except Exception as error:  # whatever a storage raises
        kind = type(error).__name__
        logger.warning("Files without a mail could not be looked for: %s", kind)
        return 0


def erase(mails: QuerySet[OutboxMessage]) -> int:
    """Remove what they say, for good; how many said something.

    Of those only that are over. They cannot be sent again. Contents that no mail uses
    any more go with `prune`.
    """
    said = mails.using(database()).filter(_says_something(), state__in=FINAL)
    erased, newest = 0, uuid.UUID(int=0)
    while some := _ids(said.filter(pk__gt=newest).order_by("pk"), _AT_ONCE):
        erased += _erase(some)
        newest = some[-1]
    return erased


# --- Which ---------------------------------------------------------------------------


def _mails() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.using(database()).order_by()


def _before(column: str, key: str) -> Q:
    """What happened longer ago than is kept; nothing where that is for ever."""
    days = setting(key)
    if days is None:
        return Q(pk__in=[])
    kept = datetime.timedelta(days=min(days, _LONGEST))
    return Q((f"{column}__lt", DatabaseNow() - kept))


def _old(state: State) -> QuerySet[OutboxMessage]:
    key = "OUTBOX_KEEP_FAILED_DAYS" if state in _FAILED else "OUTBOX_KEEP_SENT_DAYS"
    return _mails().filter(_before("finalised_at", key), state=state)


def _without_key() -> Q:
    return Q(idempotency_key=None) | _before("created_at", "OUTBOX_KEEP_KEYS_DAYS")


def _with_key() -> Q:
    """And something beside it: every mail has recipients, until it is emptied."""
    return ~_without_key() & ~Q(recipients=[])


def _says_something() -> Exists:
    return Exists(Payload.objects.using(database()).filter(mail=OuterRef("pk")))


def _sensitive() -> QuerySet[OutboxMessage]:
    """A net: whoever sends a sensitive mail erases it. One that failed may be retried."""
    return _mails().filter(sensitive=True, state__in=_DONE_WITH)


def _ids(query: QuerySet[OutboxMessage], limit: int) -> list[uuid.UUID]:
    return list(query.values_list("pk", flat=True)[:limit])


def _oldest_first(query: QuerySet[OutboxMessage]) -> Iterator[list[uuid.UUID]]:
    """Their ids until there are none: whoever gets some makes them match no more.

    It never looks again at where rows were: databases step over deleted ones.
    """
    rows = query.order_by("finalised_at").values_list("pk", "finalised_at")
    found = list(rows[:_AT_ONCE])
    while found:
        yield [pk for pk, _ in found]
        found = list(rows.filter(finalised_at__gte=found[-1][1])[:_AT_ONCE])


# --- What happens to them ------------------------------------------------------------


def _locked(some: Sequence[uuid.UUID], **still: object) -> list[uuid.UUID]:
    """Those that are still so, and stay so until the transaction is over.

    An UPDATE is the lock that every database has: somebody may want one back just now.
    """
    rows = _mails().filter(pk__in=some, **still)
    rows.update(state=F("state"))
    return list(rows.values_list("pk", flat=True))


def _delete(some: Sequence[uuid.UUID], state: State) -> int:
    if not some:
        return 0
    with transaction.atomic(using=database()):
        ours = _locked(some, state=state)
        _mails().filter(pk__in=ours).delete()
    return len(ours)


def _empty(some: Sequence[uuid.UUID], state: State) -> int:
    """Leave the key, the state and the times."""
    if not some:
        return 0
    with transaction.atomic(using=database()):
        ours = _locked(some, state=state)
        for model in (Payload, Recipient, Attempt, ProviderMessage, TrackingEvent):
            model._default_manager.using(database()).filter(mail__in=ours).delete()
        _mails().filter(pk__in=ours).update(
            recipients=[], mail_from="", subject="", message_id="", text=""
        )
    return len(ours)


def _erase(some: Sequence[uuid.UUID]) -> int:
    if not some:
        return 0
    with transaction.atomic(using=database()):
        ours = _locked(some, state__in=FINAL)
        said = Payload.objects.using(database()).filter(mail__in=ours)
        erased = said.count()
        said.delete()
    return erased
