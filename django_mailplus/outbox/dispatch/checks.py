"""Whether what is to work off an outbox is there: findings for the system checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import connections

from django_mailplus.compat import option_label, tests_running

__all__ = ["DISPATCHES", "check_dispatch", "missing"]

DISPATCHES = ("thread", "worker", "tasks", "celery", "inline")


def missing(dispatch: str) -> str | None:
    """What to install for it, or None."""
    if dispatch == "tasks" and not any(map(_there, ("django.tasks", "django_tasks"))):
        from django_mailplus.outbox.dispatch.task_framework import MISSING

        return MISSING
    if dispatch == "celery" and not _there("celery"):
        from django_mailplus.outbox.dispatch.celery import MISSING

        return MISSING
    return None


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it would be in
        return False


def check_dispatch(alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
    """Findings about `dispatch`, `queue`, `task_backend` and `notify` of an outbox."""
    where = option_label(alias, "dispatch")
    dispatch = options.get("dispatch", "thread")
    if dispatch not in DISPATCHES:
        return [
            Error(
                f"{where} is {dispatch!r}, which is no way to work off an outbox.",
                hint=f"There are: {', '.join(map(repr, DISPATCHES))}.",
                id="mailplus.E040",
            )
        ]
    findings = list(_check_notify(alias, options))
    if (text := missing(dispatch)) is not None:
        number = "mailplus.E041" if dispatch == "tasks" else "mailplus.E042"
        what, _, repair = text.partition(": ")
        findings.append(Error(f"{where}: {what}.", hint=repair, id=number))
    elif dispatch == "tasks":
        findings += _check_tasks(alias, options)
    return findings


def _check_tasks(
    alias: str | None, options: Mapping[str, Any]
) -> Iterator[CheckMessage]:
    from django_mailplus.outbox.dispatch.task_framework import framework, in_process

    tasks = framework()
    name, queue = options.get("task_backend", "default"), options.get("queue")
    try:
        backend = tasks.task_backends[name]
    except Exception as error:  # InvalidTaskBackend has two names
        yield Error(
            f"{option_label(alias, 'task_backend')} is {name!r}, which TASKS does not "
            f"have in working order: {error}",
            hint=f"TASKS has: {', '.join(map(repr, tasks.task_backends)) or 'nothing'}.",
            id="mailplus.E043",
        )
        return
    if backend.queues and (queue or "default") not in backend.queues:
        yield Error(
            f"{option_label(alias, 'queue')} is {queue or 'default'!r}, which is no "
            f"queue of TASKS[{name!r}].",
            hint=f"Its queues: {', '.join(map(repr, sorted(backend.queues)))}.",
            id="mailplus.E044",
        )
    if in_process(backend) and not settings.DEBUG and not tests_running():
        yield _in_process_warning(alias, name, type(backend).__name__)


def _in_process_warning(alias: str | None, name: str, backend: str) -> CheckMessage:
    never = "Dummy" in backend
    does = "runs no task: no mail is ever sent" if never else "sends in the request"
    return Warning(
        f"{option_label(alias, 'dispatch')} is 'tasks', but TASKS[{name!r}] is "
        f"{backend}, which {does}.",
        hint="Name a backend with a worker in TASKS, or leave dispatch out: then a thread "
        "sends.",
        id="mailplus.W040" if never else "mailplus.W041",
    )


def _check_notify(
    alias: str | None, options: Mapping[str, Any]
) -> Iterator[CheckMessage]:
    from django_mailplus.outbox.models import database

    if not options.get("notify"):
        return
    if (vendor := connections[database()].vendor) != "postgresql":
        yield Warning(
            f"{option_label(alias, 'notify')} does nothing: the database of the outbox is "
            f"{vendor}, not postgresql.",
            hint="Leave it out: workers look for new mail every second.",
            id="mailplus.W042",
        )
