"""How whoever works off the outbox hears of a new mail: after the commit, never before.

A hint carries nothing. One that is lost, late or repeated does no harm: whoever works
looks at the table.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial

from django.db import transaction

from django_mailplus.compat import tests_running
from django_mailplus.outbox.dispatch import notify, sending_thread
from django_mailplus.outbox.mailers.configured import outboxes
from django_mailplus.outbox.models import database
from django_mailplus.outbox.sending.draining import drain

__all__ = ["DISPATCH", "hint", "wake"]

logger = logging.getLogger(__name__)


def hint(dispatch: str, alias: str, *, notifying: bool = False) -> None:
    """Tell whoever works off the outbox, once the present transaction is committed.

    Once for each commit and mailer. Nothing that goes wrong reaches the caller.
    """
    for waker in (DISPATCH[dispatch], _notify if notifying else None):
        if waker is not None:
            _after_commit(waker, alias)


def wake(aliases: Collection[str]) -> None:
    """The same for all that waits for these mailers, as if a mail had been stored for each."""
    for alias, options in outboxes():
        dispatch = options.get("dispatch", "thread")
        if alias in aliases and dispatch in DISPATCH:
            hint(dispatch, alias, notifying=bool(options.get("notify")))


_Waker = Callable[[str], None]


class _Commits(threading.local):
    def __init__(self) -> None:
        self.waiting: dict[tuple[_Waker, str], object] = {}


_commits = _Commits()


def _after_commit(waker: _Waker, alias: str) -> None:
    """Every mail has a callback of its own, which goes with its savepoint if that does.

    The first of them that runs is the last that does anything.
    """
    waiting = _commits.waiting
    turn = waiting.setdefault((waker, alias), object())
    callback = partial(_first_of_commit, turn, waker, alias)
    connection = transaction.get_connection(database())
    if connection.in_atomic_block or connection.get_autocommit():
        transaction.on_commit(callback, using=database())
    elif waker is not _inline:  # nobody tells when the project itself commits
        callback()


def _first_of_commit(turn: object, waker: _Waker, alias: str) -> None:
    waiting = _commits.waiting
    if waiting.get((waker, alias)) is not turn:
        return
    del waiting[waker, alias]
    try:
        waker(alias)
    except Exception:  # the mail is stored: whoever sent it has done his part
        logger.exception("A hint for the mailer %r came to nothing", alias)


def _thread(alias: str) -> None:
    if tests_running():
        # It would see nothing of a TestCase's transaction, and outlive other tests.
        drain([alias])
    else:
        sending_thread.wake(alias)


def _inline(alias: str) -> None:
    """For scripts and tests: what can be sent is sent before this returns."""
    drain([alias])


def _tasks(alias: str) -> None:
    from django_mailplus.outbox.dispatch.task_hints import send_hint

    send_hint(alias)


def _celery(alias: str) -> None:
    from django_mailplus.outbox.dispatch.celery import send_hint

    send_hint(alias)


def _notify(alias: str) -> None:
    notify.notify()


DISPATCH: Mapping[str, _Waker | None] = {
    "thread": _thread,
    "worker": None,
    "tasks": _tasks,
    "celery": _celery,
    "inline": _inline,
}
"""What each value of the option `dispatch` does after a commit."""
