"""Where the autodiscovery of Celery looks for tasks; without Celery there are none."""

from __future__ import annotations

from importlib.util import find_spec

__all__: list[str] = []

if find_spec("celery") is not None:
    from django_mailplus.outbox.dispatch.celery import send_due

    send_due()
