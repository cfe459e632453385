"""Which mailers an outbox sends through, and what it says about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django_mailplus.chain import aliases_used, kind_of, options_of
from django_mailplus.compat import mailer_settings, mailers_defined
from django_mailplus.rates import Rate

__all__ = ["Sending", "dispatches", "option", "outboxes", "sending_mailers"]

_LEASE = 180.0  # seconds; longer than any single wait for a mail server


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How mails leave through one mailer; without `concurrency` as it sees fit."""

    concurrency: int | None = None
    lease: float = _LEASE
    rate: Rate | None = None


def outboxes() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The mailer behind each outbox, and the options of that outbox.

    "" is our SMTP backend with the EMAIL_ settings.
    """
    configured = mailer_settings()
    for store in configured if isinstance(configured, Mapping) else ():
        if kind_of(store) == "store":
            for alias in aliases_used(store) if mailers_defined() else ("",):
                yield alias, options_of(store)


def sending_mailers() -> Mapping[str, Sending]:
    """The mailers behind an outbox; where there are two before one, the first counts."""
    found: dict[str, Sending] = {}
    for alias, options in outboxes():
        if alias not in found:
            found[alias] = _sending(options)
    return found


def dispatches() -> Mapping[str, str]:
    """The option `dispatch` of the outbox before each mailer, under that mailer's alias."""
    return {
        alias: str(option(alias, "dispatch") or "thread") for alias, _ in outboxes()
    }


def option(alias: str, name: str) -> Any:
    """What the outbox before a mailer says; the first that says anything."""
    said = (options.get(name) for other, options in outboxes() if other == alias)
    return next((value for value in said if value is not None), None)


def _sending(options: Mapping[str, Any]) -> Sending:
    rate = options.get("rate")
    return Sending(
        concurrency=options.get("concurrency"),
        lease=options.get("lease") or _LEASE,
        rate=None if rate is None else Rate.parse(rate),
    )
