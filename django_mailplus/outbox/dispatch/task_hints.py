"""Hints through Django's task framework."""

from __future__ import annotations

from django.db import connections

from django_mailplus.compat import tests_running
from django_mailplus.outbox.dispatch.hints import Hints
from django_mailplus.outbox.dispatch.task_framework import backend_of, in_process

__all__ = ["send_hint"]


def send_hint(alias: str) -> None:
    """At once where the task runs in this process, or is looked at by a test."""
    if tests_running() or in_process(backend_of(alias)):
        _enqueue(alias)
    else:
        _hints.send(alias)


def _enqueue(alias: str) -> None:
    from django_mailplus.outbox.dispatch.tasks import enqueue_hint  # reads TASKS

    enqueue_hint(alias)


class _Tasks:
    """A backend may keep its tasks in the database: the connection is this thread's."""

    def send(self, alias: str) -> None:
        try:
            _enqueue(alias)
        finally:
            connections.close_all()

    def close(self) -> None:
        """Nothing is open between two hints."""


_hints = Hints(_Tasks, name="mailplus hints")
