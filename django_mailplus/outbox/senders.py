"""Which mailers send what is in the outbox, and who is told when there is something to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django_mailplus.outbox.stores import option, outboxes

__all__ = ["senders", "wake"]


def senders() -> Mapping[str, str]:
    """The option `dispatch` of the outbox before each mailer, under that mailer's alias."""
    return {
        alias: str(option(alias, "dispatch") or "thread") for alias, _ in outboxes()
    }


def wake(aliases: Collection[str]) -> None:
    """Once the present transaction is committed, tell whoever sends for these mailers.

    As if a mail had been stored for each.
    """
    from django_mailplus.outbox.wakeup import DISPATCH, hint

    for alias, options in outboxes():
        dispatch = options.get("dispatch", "thread")
        if alias in aliases and dispatch in DISPATCH:
            hint(dispatch, alias, notifying=bool(options.get("notify")))
