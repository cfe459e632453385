"""Hints through Celery: a shared task, found by the autodiscovery of the project's app."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_mailplus.outbox.dispatch.hints import Hints
from django_mailplus.outbox.mailers.configured import option, sending_mailers
from django_mailplus.outbox.sending.draining import drain, look_again_in

__all__ = ["MISSING", "send_due", "send_hint"]

AT_ONCE = 1000  # mails of one run; then the queue gets its turn
SECONDS = 30.0  # of one run
CONNECTING = 4.0  # seconds, in the thread that sends hints
STALE = 3600.0  # seconds; hints that no worker took are dropped then
MISSING = "dispatch='celery' needs Celery: pip install \"django-mailplus[celery]\""


@functools.cache
def send_due() -> Any:
    """The task `django_mailplus.send_due`. Raises ImproperlyConfigured without Celery."""
    try:
        from celery import shared_task
    except ModuleNotFoundError:
        raise ImproperlyConfigured(MISSING) from None
    # Without a name of Celery's choice: it would change with this module.
    declare = shared_task(
        name="django_mailplus.send_due", ignore_result=True, max_retries=0
    )
    return declare(_send_due)


def _send_due(mailer: str | None = None) -> None:
    """Send what is due for a mailer, or for all of them; raises nothing about mails."""
    for alias in [mailer] if mailer is not None else sending_mailers():
        drained = drain([alias], limit=AT_ONCE, seconds=SECONDS)
        wait = look_again_in(alias, drained)
        if wait is not None and not _eager():
            with contextlib.suppress(
                Exception
            ):  # the broker is down: the beat sees to it
                _publish(alias, wait)


def send_hint(alias: str) -> None:
    if _eager():
        send_due().apply(args=[alias])
    else:
        _hints.send(alias)


def _eager() -> bool:
    """As tests and scripts want it: tasks run where they are sent."""
    return bool(send_due().app.conf.task_always_eager)


def _publish(alias: str, wait: float = 0.0, **how: Any) -> None:
    if (queue := option(alias, "queue")) is not None:
        how["queue"] = queue
    if wait:
        how["countdown"] = wait
    send_due().apply_async(
        args=[alias], retry=False, ignore_result=True, expires=wait + STALE, **how
    )


class _Connection:
    """A connection of its own: that of the app is shared with forked processes."""

    def __init__(self) -> None:
        app = send_due().app
        self._broker = app.connection_for_write(connect_timeout=CONNECTING)
        self._broker.ensure_connection(max_retries=1, timeout=CONNECTING)

    def send(self, alias: str) -> None:
        _publish(alias, connection=self._broker)

    def close(self) -> None:
        self._broker.release()


_hints = Hints(_Connection, name="mailplus hints")
