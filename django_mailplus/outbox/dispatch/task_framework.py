"""Django's task framework, or its backport `django_tasks` on Django 5.2; and our place in it."""

from __future__ import annotations

import datetime
import importlib
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from django_mailplus.outbox.mailers.configured import option

__all__ = ["MISSING", "backend_of", "framework", "in_process", "place"]

MISSING = (
    "dispatch='tasks' needs Django's task framework, which Django has from 6.0 on. "
    'Before: pip install "django-mailplus[tasks]"'
)


def framework() -> Any:
    """The module of the framework. Raises ImproperlyConfigured where there is none."""
    for name in ("django.tasks", "django_tasks"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    raise ImproperlyConfigured(MISSING)


def in_process(backend: Any) -> bool:
    """Whether it runs tasks as they are enqueued, or never."""
    name = framework().__name__
    immediate = importlib.import_module(f"{name}.backends.immediate").ImmediateBackend
    dummy = importlib.import_module(f"{name}.backends.dummy").DummyBackend
    return isinstance(backend, (immediate, dummy))


def backend_of(alias: str) -> Any:
    """The entry of TASKS that the outbox before a mailer names."""
    return framework().task_backends[option(alias, "task_backend") or "default"]


def place(alias: str, wait: float = 0.0) -> dict[str, Any] | None:
    """The arguments of `Task.using()`; None where the backend cannot wait."""
    backend = backend_of(alias)
    found: dict[str, Any] = {"backend": backend.alias}
    if (queue := option(alias, "queue")) is not None:
        found["queue_name"] = queue
    if wait:
        if not backend.supports_defer:
            return None
        found["run_after"] = timezone.now() + datetime.timedelta(seconds=wait)
    return found
