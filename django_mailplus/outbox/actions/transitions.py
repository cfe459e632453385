"""What people order: to cancel, hold, retry, send once more. See `claims` for the workers.

A change is an UPDATE that names the states it starts from: what a worker has taken
meanwhile stays as it is. After the commit of what lets mails leave, whoever sends them is
told as by `send_messages`.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from django_mailplus.outbox.backoff import KEEP_TRYING
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.dispatch.wakeup import wake
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import (
    OutboxMessage,
    Payload,
    Recipient,
    database,
)
from django_mailplus.outbox.rows.claims import (
    NOT_CLAIMED,
    rows,
)
from django_mailplus.outbox.rows.recording import whole
from django_mailplus.outbox.states import FINAL, State

__all__ = [
    "cancel",
    "hold",
    "mark_sent",
    "move",
    "requeue",
    "resume",
    "retry",
    "unhold",
]

_AT_ONCE = 1_000  # rows in one statement
_RETRIABLE = (State.FAILED, State.UNKNOWN, State.PARTIAL, State.EXPIRED)

_Verb = Callable[[QuerySet[OutboxMessage]], int]


def _waking(states: Collection[State]) -> Callable[[_Verb], _Verb]:
    """For a verb that lets mails of these states leave."""

    def waking(verb: _Verb) -> _Verb:
        @functools.wraps(verb)
        def change_and_wake(mails: QuerySet[OutboxMessage]) -> int:
            concerned = mails.filter(state__in=states).order_by()
            aliases = set(concerned.values_list("mailer", flat=True).distinct())
            if changed := verb(mails):
                wake(aliases)
            return changed

        return change_and_wake

    return waking


def cancel(mails: QuerySet[OutboxMessage]) -> int:
    """Never send them; how many. One that is being sent cannot be called back.

    Nor one that some recipients have got: it is `partial` then, as where the others were
    refused, and a retry is for those others alone.
    """
    with transaction.atomic(using=database()):
        found = _locked(mails.filter(state__in=[State.QUEUED, State.HELD]))
        return sum(_cancel(some) for some in found)


def _cancel(some: list[uuid.UUID]) -> int:
    fates = Recipient.objects.using(database()).filter(mail__in=some)
    fates.filter(state=State.QUEUED).update(state=State.CANCELLED)
    found: dict[uuid.UUID, set[str]] = {pk: set() for pk in some}
    # Locked, to see what was recorded after a transaction of the caller had begun.
    for pk, state in fates.select_for_update().values_list("mail", "state"):
        found[pk].add(state)
    by_state: dict[State, list[uuid.UUID]] = {}
    for pk, states in found.items():
        by_state.setdefault(whole(State.CANCELLED, states), []).append(pk)
    for state, ids in by_state.items():
        rows().filter(pk__in=ids).update(state=state, finalised_at=DatabaseNow())
    return len(some)


def _locked(mails: QuerySet[OutboxMessage]) -> Iterator[list[uuid.UUID]]:
    """Their keys, some at a time: nobody claims one meanwhile. In a transaction only."""
    found = mails.using(database()).order_by("pk").select_for_update()
    ids = list(found.values_list("pk", flat=True))
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def hold(mails: QuerySet[OutboxMessage]) -> int:
    return mails.filter(state=State.QUEUED).update(state=State.HELD)


@_waking([State.HELD])
def unhold(mails: QuerySet[OutboxMessage]) -> int:
    """Send them; those that were to be sent later keep their time."""
    held = mails.filter(state=State.HELD)
    late = held.filter(due_at__lt=DatabaseNow())
    return _due_now(late, state=State.QUEUED) + held.update(state=State.QUEUED)


def _due_now(mails: QuerySet[OutboxMessage], **changes: Any) -> int:
    """Each has as long for its tries as it would have had."""
    return mails.update(
        # Before `due_at`, for MySQL computes with what it has just written.
        give_up_at=F("give_up_at") + (DatabaseNow() - F("due_at")),
        due_at=DatabaseNow(),
        **changes,
    )


def resume(alias: str) -> bool:
    """End the pause of a mailer, whoever made it; whether there was one."""
    with transaction.atomic(using=database()):
        if ended := pausing.end(alias):
            wake([alias])
    return ended


@_waking([State.QUEUED, *_RETRIABLE])
def retry(mails: QuerySet[OutboxMessage]) -> int:
    """Try now, for the recipients that have not got it; how many mails.

    Those that wait need not wait any longer, and those that were given up start again.
    """
    queued = mails.filter(state=State.QUEUED)
    # What is due keeps its place: others came later.
    due = queued.filter(due_at__lte=DatabaseNow()).count()
    early = _due_now(queued.filter(due_at__gt=DatabaseNow()))
    over = _start_again(mails.filter(state__in=_RETRIABLE), anew=False)
    return due + early + over


@_waking(FINAL)
def requeue(mails: QuerySet[OutboxMessage]) -> int:
    """Send once more to everybody, those included who have got it; how many mails.

    Only what is over, and whose content is still there, can be sent once more.
    """
    return _start_again(mails.filter(state__in=FINAL), anew=True)


def _start_again(mails: QuerySet[OutboxMessage], *, anew: bool) -> int:
    has_content = Exists(Payload.objects.filter(mail=OuterRef("pk")))
    with transaction.atomic(using=database()):
        found = _locked(mails.filter(has_content))
        return sum(_queue(some, anew=anew) for some in found)


def _queue(some: list[uuid.UUID], *, anew: bool) -> int:
    fates = Recipient.objects.using(database()).filter(mail__in=some)
    if anew:
        fates.delete()
    else:
        fates.exclude(state=State.SENT).update(state=State.QUEUED)
    rows().filter(pk__in=some).update(
        state=State.QUEUED,
        attempts=0,
        due_at=DatabaseNow(),
        give_up_at=DatabaseNow() + KEEP_TRYING,
        finalised_at=None,
        **NOT_CLAIMED,
    )
    # An end that is yet to come stays: nobody wants a code that no longer works.
    over = rows().filter(pk__in=some, expires_at__lte=DatabaseNow())
    over.update(expires_at=None)
    return len(some)


def move(mails: QuerySet[OutboxMessage], mailer: str) -> int:
    """Let another mailer send those that wait or are held; how many."""
    moved = mails.filter(state__in=[State.QUEUED, State.HELD]).update(mailer=mailer)
    if moved:
        wake([mailer])
    return moved


def mark_sent(mails: QuerySet[OutboxMessage]) -> int:
    """For those of which a human knows that they arrived, with all who waited for them."""
    with transaction.atomic(using=database()):
        found = _locked(mails.exclude(state__in=[State.SENDING, State.SENT]))
        return sum(_mark_sent(some) for some in found)


def _mark_sent(some: list[uuid.UUID]) -> int:
    fates = Recipient.objects.using(database()).filter(mail__in=some)
    fates.filter(state__in=[State.QUEUED, State.UNKNOWN]).update(state=State.SENT)
    rows().filter(pk__in=some).update(
        state=State.SENT, finalised_at=DatabaseNow(), **NOT_CLAIMED
    )
    return len(some)
