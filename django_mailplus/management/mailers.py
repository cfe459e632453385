"""The mailers that people name: those an outbox sends through, and what leads to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.core.management.base import CommandError

from django_mailplus.chain import aliases_used, kind_of, walk
from django_mailplus.compat import mailer_settings
from django_mailplus.management.guessing import did_you_mean
from django_mailplus.outbox.mailers.configured import sending_mailers
from django_mailplus.outbox.models import OutboxMessage, database

__all__ = ["behind", "require_named", "require_sending", "stores_before"]


def require_sending(aliases: Iterable[str]) -> None:
    """Raise CommandError for those that no outbox sends through."""
    _require(aliases, sending_mailers(), "No outbox sends through")


def require_named(aliases: Collection[str]) -> None:
    """Raise CommandError for those that no outbox sends through and no mail is for.

    Mails outlast the settings that they were stored under.
    """
    known = {*sending_mailers()}
    if not known.issuperset(aliases):
        mails = OutboxMessage.objects.using(database()).order_by()
        known.update(mails.values_list("mailer", flat=True).distinct())
    _require(aliases, known, "No outbox and no mail names")


def _require(aliases: Iterable[str], known: Collection[str], complaint: str) -> None:
    if unknown := [alias for alias in aliases if alias not in known]:
        names = ", ".join(map(repr, sorted(known))) or "none"
        hints = "".join(_hint(alias, known) for alias in unknown)
        raise CommandError(
            f"{complaint} {', '.join(map(repr, unknown))}.{hints} There are: {names}."
        )


def _hint(alias: str, known: Iterable[str]) -> str:
    if found := behind(alias):
        through = " and ".join(map(repr, found))
        return f" {alias!r} leads to an outbox: name what it sends through, {through}."
    leading = [alias for alias in mailer_settings() if behind(alias)]
    return did_you_mean(alias, [*known, *leading])


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
