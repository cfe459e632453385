"""The outbox's signals, after the commit, for those who listen: who does not costs nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import partial

from django.db import transaction
from django.dispatch import Signal

from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.states import State
from django_mailplus.signals import (
    outbox_failed,
    outbox_partly_refused,
    outbox_queued,
    outbox_sent,
    outbox_suppressed,
)

__all__ = ["tell_after_commit"]

_AT_ONCE = 200  # rows in memory

_SIGNALS: dict[State, Signal] = {
    State.QUEUED: outbox_queued,
    State.SENT: outbox_sent,
    State.PARTIAL: outbox_partly_refused,
    State.FAILED: outbox_failed,
    State.EXPIRED: outbox_failed,
    State.UNKNOWN: outbox_failed,
    State.SUPPRESSED: outbox_suppressed,
}


def tell_after_commit(
    state: State,
    ids: Iterable[uuid.UUID],
    *,
    between: Callable[[], None] = lambda: None,
) -> None:
    """Tell that mails are in a state now; `between` is called after each.

    A receiver may take its time, in which a worker has other things to look after.
    """
    signal = _SIGNALS.get(state)
    if signal is None or not signal.has_listeners(OutboxMessage):
        return
    if told := list(ids):
        transaction.on_commit(
            partial(_tell, signal, told, between), using=database(), robust=True
        )


def _tell(signal: Signal, ids: list[uuid.UUID], between: Callable[[], None]) -> None:
    for start in range(0, len(ids), _AT_ONCE):
        found = OutboxMessage.objects.using(database()).in_bulk(
            ids[start : start + _AT_ONCE]
        )
        for pk in ids[start : start + _AT_ONCE]:
            if (mail := found.get(pk)) is not None:
                signal.send_robust(sender=OutboxMessage, mail=mail)
                between()
