"""The task for Django's task framework. Imported only where a project uses that.

A worker finds it by the name of this module, so it stands at its top.
"""

from __future__ import annotations

from typing import Any

from django_mailplus.outbox.dispatch.task_framework import (
    backend_of,
    framework,
    in_process,
    place,
)
from django_mailplus.outbox.mailers.configured import sending_mailers
from django_mailplus.outbox.sending.draining import drain, look_again_in

__all__ = ["enqueue_hint", "send_due"]

AT_ONCE = 1000  # mails of one run; then the queue gets its turn
SECONDS = 30.0  # of one run

_tasks: Any = framework()


def _anywhere() -> dict[str, str]:
    """A queue that the project has: a task is refused that names none."""
    aliases = list(_tasks.task_backends)
    backend = "default" if "default" in aliases else aliases[0]
    queues = _tasks.task_backends[backend].queues
    queue = "default" if not queues or "default" in queues else min(queues)
    return {"backend": backend, "queue_name": queue}


@_tasks.task(**_anywhere())  # type: ignore[untyped-decorator, unused-ignore]
def send_due(mailer: str | None = None) -> None:
    """Send what is due for a mailer, or for all of them; raises nothing about mails."""
    for alias in [mailer] if mailer is not None else sending_mailers():
        if in_process(backend_of(alias)):
            drain([alias])
        else:
            drained = drain([alias], limit=AT_ONCE, seconds=SECONDS)
            if (wait := look_again_in(alias, drained)) is not None:
                enqueue_hint(alias, wait)


def enqueue_hint(alias: str, wait: float = 0.0) -> None:
    """A hint. One for later is left out where the backend cannot wait."""
    where = place(alias, wait)
    if where is not None:
        send_due.using(**where).enqueue(alias)
