"""A caught mail on its way after all: to somebody who is allowed, and to nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from django_mailplus.compat import get_mailer, mailer_settings
from django_mailplus.conf import setting
from django_mailplus.delivery import DeliveryResult, get_result
from django_mailplus.inbox.models import CaughtMail, CaughtRecipient, database
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.envelope import bare_address
from django_mailplus.message.redirecting import Guard, barred_from, redirect, tamed

__all__ = ["NotReleasedError", "Possible", "possible", "release", "send_only_to"]


class NotReleasedError(Exception):
    """Says why a mail stays in the inbox, for whoever pressed the button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Possible:
    """Through which mailer, and to whom; the first of these where it is one address."""

    mailer: str
    allowed: tuple[str, ...]

    @property
    def first(self) -> str:
        return next((a for a in self.allowed if "@" in a[1:] and "*" not in a), "")


def possible() -> Possible | None:
    """None where the project does not release mails."""
    mailer, allowed = setting("INBOX_RELEASE_MAILER"), setting("INBOX_RELEASE_TO")
    if mailer not in mailer_settings() or not allowed:
        return None
    shown = (getattr(each, "pattern", each) for each in allowed)
    return Possible(mailer=mailer, allowed=tuple(map(str, shown)))


def release(mail: CaughtMail, address: str) -> DeliveryResult | None:
    """Send the mail, as it is, to one address that MAILPLUS["INBOX_RELEASE_TO"] allows.

    Those it was written to stand in X-Original headers. The envelope's sender is
    DEFAULT_FROM_EMAIL. Raises `NotReleasedError`, and what the mailer raises.
    """
    message: Any = FinishedMessage(mail.content)
    message.from_email = settings.DEFAULT_FROM_EMAIL
    message.to = _written_to(mail) or ["nobody@invalid"]
    return send_only_to(message, address)


def send_only_to(message: Any, address: str) -> DeliveryResult | None:
    """Send a message to one address in the place of all others, under the same rules."""
    ways = possible()
    if ways is None:
        raise NotReleasedError(
            "Mails are not released here. Set MAILPLUS['INBOX_RELEASE_TO'] and "
            "MAILPLUS['INBOX_RELEASE_MAILER']."
        )
    if not Guard(allow=tuple(setting("INBOX_RELEASE_TO"))).allows(address):
        raise NotReleasedError(
            f"{address!r} is not among those who may get mail: {', '.join(ways.allowed)}."
        )
    only = Guard(to=(bare_address(address),))
    message = tamed(message)
    redirect(message, only, barred_from(message, only), banner=False)
    get_mailer(ways.mailer).send_messages([message])
    return get_result(message)


def _written_to(mail: CaughtMail) -> Sequence[str]:
    rows = CaughtRecipient.objects.using(database()).filter(mail=mail)
    return list(rows.order_by("pk").values_list("address", flat=True))
