"""What the clerk does with transactions and connections when a test asks for it by name."""

from __future__ import annotations

from collections.abc import Callable

from clerk_calls import letter
from django.db import connection, transaction
from django.test import Client

from django_mailplus.compat import get_mailer
from django_mailplus.outbox.dispatch import wakeup
from django_mailplus.outbox.models import OutboxMessage


def send() -> None:
    get_mailer("default").send_messages([letter(0)])


def scene(name: str) -> tuple[int, int]:
    """How many rows and hints it comes to."""
    heard: list[str] = []
    before, wakeup.DISPATCH = wakeup.DISPATCH, {"worker": heard.append}
    try:
        _SCENES[name]()
    finally:
        wakeup.DISPATCH = before
    return OutboxMessage.objects.count(), len(heard)


def _rolled_back() -> None:
    with transaction.atomic():
        send()
        transaction.set_rollback(True)


def _to_a_savepoint() -> None:
    with transaction.atomic():
        send()
        with transaction.atomic():
            send()
            transaction.set_rollback(True)


def _nested() -> None:
    with transaction.atomic():
        send()
        with transaction.atomic():
            send()


def _nested_and_rolled_back() -> None:
    with transaction.atomic():
        with transaction.atomic():
            send()
        transaction.set_rollback(True)


def _in_on_commit() -> None:
    with transaction.atomic():
        transaction.on_commit(send)


def _in_on_commit_of_a_rollback() -> None:
    with transaction.atomic():
        transaction.on_commit(send)
        transaction.set_rollback(True)


def _request(path: str) -> None:
    Client(raise_request_exception=False).get(path)


_SCENES: dict[str, Callable[[], None]] = {
    "committed": send,
    "rolled_back": _rolled_back,
    "to_a_savepoint": _to_a_savepoint,
    "nested": _nested,
    "nested_and_rolled_back": _nested_and_rolled_back,
    "in_on_commit": _in_on_commit,
    "in_on_commit_of_a_rollback": _in_on_commit_of_a_rollback,
    "request": lambda: _request("/send/"),
    "request_that_fails": lambda: _request("/send/?fail"),
}


def scene_without_database() -> str:
    """What the caller is told."""
    connection.close()
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = 9
    try:
        send()
    except Exception as error:
        return type(error).__name__
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port
    return "nothing"


def scene_cut_off() -> str:
    """As before; the connection ends behind the INSERT."""
    try:
        with transaction.atomic():
            send()
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                else:
                    cursor.execute("KILL CONNECTION_ID()")
    except Exception as error:
        connection.close()
        return type(error).__name__
    return "nothing"
