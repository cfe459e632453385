"""The mailers that people name: those an outbox sends through, and what leads to them."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.management.base import CommandError

from django_mailplus.chain import aliases_used, kind_of, walk
from django_mailplus.compat import mailer_settings
from django_mailplus.management.guessing import did_you_mean
from django_mailplus.outbox.mailers.configured import sending_mailers

__all__ = ["behind", "require_sending", "stores_before", "who_is_unknown"]


def require_sending(aliases: Iterable[str]) -> None:
    """Raise CommandError for those that no outbox sends through."""
    if complaint := who_is_unknown(aliases):
        raise CommandError(complaint)


def who_is_unknown(aliases: Iterable[str]) -> str:
    """A complaint about those that no outbox sends through; empty if all are known."""
    known = sorted(sending_mailers())
    unknown = [alias for alias in aliases if alias not in known]
    if not unknown:
        return ""
    names = ", ".join(map(repr, known)) or "none"
    hints = "".join(map(_hint, unknown))
    return (
        f"No outbox sends through {', '.join(map(repr, unknown))}.{hints} "
        f"There are: {names}."
    )


def _hint(alias: str) -> str:
    if found := behind(alias):
        through = " and ".join(map(repr, found))
        return f" {alias!r} leads to an outbox: name what it sends through, {through}."
    known = [alias for alias in mailer_settings() if behind(alias)]
    return did_you_mean(alias, [*sending_mailers(), *known])


def behind(alias: str) -> list[str]:
    """The mailers that the outboxes send through to which this one leads."""
    if alias not in mailer_settings():
        return []
    stores = [found for found in walk(alias) if _is_store(found)]
    return [*dict.fromkeys(m for store in stores for m in aliases_used(store))]


def stores_before(mailer: str) -> list[str]:
    """The outboxes that send through it."""
    return [s for s in mailer_settings() if _is_store(s) and mailer in aliases_used(s)]


def _is_store(alias: str) -> bool:
    return alias in mailer_settings() and kind_of(alias) == "store"
