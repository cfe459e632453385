"""Mistakes in the options of an outbox, and in the database that it is kept in.

E045 value of an option   E046 no option for all mails   E047 manual commits
W045 SQLite and several writers   W046 another database   W047 lease too short
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import DEFAULT_DB_ALIAS, connections

from django_mailplus.chain import options_of, walk
from django_mailplus.outbox.models import database
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.rates import Rate

__all__ = ["REPAIR", "check_database", "check_options", "uncommitted", "wrong_values"]

REPAIR = "Correct it, or leave it out."
_LONGEST_WAIT = 10.0  # seconds; the timeout of an SMTP mailer that names none
_TIMEOUTS_IN_A_LEASE = 8  # an answer to a content may take six of them
_ONE_MAIL_ONLY = ("send_at", "expires_at", "idempotency_key")


@dataclass(frozen=True, slots=True)
class _Option:
    right: Callable[[Any], bool]
    takes: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _accepted(make: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def accepted(value: Any) -> bool:
        try:
            make(value)
        except (TypeError, ValueError):
            return False
        return True

    return accepted


def _as_option(name: str) -> Callable[[Any], bool]:
    return _accepted(lambda value: OutboxOptions(**{name: value}))


_OPTIONS: Mapping[str, _Option] = {
    "concurrency": _Option(
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 1,
        "a whole number of connections, 1 or more",
    ),
    "lease": _Option(
        lambda v: _is_number(v) and 0 < v < math.inf, "a number of seconds above 0"
    ),
    "rate": _Option(_accepted(Rate.parse), "a rate such as '14/s', '60/m' or '500/h'"),
    "priority": _Option(_as_option("priority"), "urgent, high, normal or low"),
    "on_unknown": _Option(_as_option("on_unknown"), "retry or hold"),
    "max_age": _Option(_as_option("max_age"), "a number of seconds, up to a year"),
    "stream": _Option(_as_option("stream"), "a name of up to 100 characters"),
    "sensitive": _Option(lambda v: isinstance(v, bool), "True or False"),
    "notify": _Option(lambda v: isinstance(v, bool), "True or False"),
}


def wrong_values(options: Mapping[str, Any]) -> Iterator[str]:
    """What an option is and what it takes; None says nothing, and is never wrong."""
    for name, option in _OPTIONS.items():
        value = options.get(name)
        if value is not None and not option.right(value):
            yield f"{name!r} is {value!r}; it takes {option.takes}."


def check_options(
    alias: str | None, options: Mapping[str, Any]
) -> Iterator[CheckMessage]:
    """Findings about one outbox; `alias` is None for one named in EMAIL_BACKEND."""
    where = "EMAIL_BACKEND" if alias is None else f"MAILERS[{alias!r}]"
    for text in wrong_values(options):
        yield Error(f"{where}: {text}", hint=REPAIR, id="mailplus.E045")
    for name in _ONE_MAIL_ONLY:
        if name in options:
            yield Error(
                f"{where}: {name!r} is an option of single mails.",
                hint=f"Say it for each: enqueue(message, {name}=...), or "
                f"message.outbox = OutboxOptions({name}=...).",
                id="mailplus.E046",
            )
    if alias is not None:
        yield from _check_lease(alias, options)


def _check_lease(alias: str, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    lease: Any = options.get("lease")
    if not (_is_number(lease) and lease > 0):
        return
    for behind in walk(alias):
        timeout = options_of(behind).get("timeout", _LONGEST_WAIT)
        if behind == alias or not _is_number(timeout):
            continue
        if lease < (least := timeout * _TIMEOUTS_IN_A_LEASE):
            yield Warning(
                f"MAILERS[{alias!r}]: a lease of {lease:g} s may end while the mailer "
                f"{behind!r} still waits for its server, and then a mail goes out twice.",
                hint=f"Give 'lease' {least:g} or more, or leave it out for 180.",
                id="mailplus.W047",
            )


def uncommitted(alias: str) -> str | None:
    """What is wrong, a colon and a repair, where nothing is committed by itself."""
    if connections[alias].settings_dict.get("AUTOCOMMIT", True):
        return None
    return (
        f"With AUTOCOMMIT off in DATABASES[{alias!r}] nothing that became of a mail is "
        "committed, and each goes out again and again: Leave AUTOCOMMIT on, and use "
        "transaction.atomic()."
    )


def check_database() -> Iterator[CheckMessage]:
    """Whether rows and transactions of the outbox are safe where they are."""
    alias = database()
    if alias != DEFAULT_DB_ALIAS:
        yield Warning(
            f"The outbox is in the database {alias!r}: a mail is kept or rolled back with "
            "transactions of that database only.",
            hint="Let the router put django_mailplus where your own tables are, or send "
            f"within transaction.atomic(using={alias!r}).",
            id="mailplus.W046",
        )
    connection = connections[alias]
    if (text := uncommitted(alias)) is not None:
        what, _, repair = text.partition(": ")
        yield Error(f"{what}.", hint=repair, id="mailplus.E047")
    options = connection.settings_dict.get("OPTIONS") or {}
    if connection.vendor == "sqlite" and (
        str(options.get("transaction_mode", "")).upper()
        not in ("IMMEDIATE", "EXCLUSIVE")
    ):
        yield Warning(
            f"DATABASES[{alias!r}]: SQLite gives up with 'database is locked' when the "
            "outbox is written from two sides.",
            hint='Set OPTIONS = {"transaction_mode": "IMMEDIATE", "timeout": 20, '
            '"init_command": "PRAGMA journal_mode=wal"}.',
            id="mailplus.W045",
        )
