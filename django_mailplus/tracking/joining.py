"""Which mail of the outbox an event is about."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django_mailplus.columns import storable
from django_mailplus.outbox.models import OutboxMessage, ProviderMessage, database
from django_mailplus.tracking.classifier import names_of

__all__ = ["METADATA", "Joined", "join"]

METADATA = "mailplus_id"
"""What our id is called in the metadata of a message, where a project wants it there."""

_LONGEST = ProviderMessage._meta.get_field("external_id").max_length
_LOOKED_AT = 2_000  # rows with one number: one for each recipient of a mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """`recipients` is how many the provider's number stands for."""

    mail: OutboxMessage
    recipients: int


def join(
    provider: str, external_id: str, address: str, metadata: object = None
) -> Joined | None:
    """By the provider's number; else by our id in the metadata; else by the Message-ID.

    Some providers' numbers are the Message-ID that the mail had, so that events find it
    too before its number is noted, or when it left through the provider's SMTP servers.
    """
    if external_id and (joined := _by_external_id(provider, external_id, address)):
        return joined
    mails = OutboxMessage.objects.using(database())
    mail = None
    if (pk := _our_id(metadata)) is not None:
        mail = mails.filter(pk=pk).first()
    if mail is None and "@" in external_id:
        bare = storable(external_id, 255).strip("<>")
        mail = mails.filter(message_id=f"<{bare}>").order_by("-pk").first()
    return None if mail is None else _whole(mail)


def _by_external_id(provider: str, external_id: str, address: str) -> Joined | None:
    named = (
        ProviderMessage.objects.using(database())
        .filter(
            external_id=storable(external_id, _LONGEST),
            provider__in=[*names_of(provider), ""],
        )
        .order_by("-pk")
    )
    if not (found := list(named[:_LOOKED_AT])):
        return None
    theirs = (row for row in found if row.address.lower() == address.lower())
    best = next(theirs, found[0])  # else the newest
    # Not with each row: a mail holds all its addresses.
    mail = OutboxMessage.objects.using(database()).filter(pk=best.mail_id).first()
    if mail is None:  # deleted at this moment
        return None
    if not best.address:
        return _whole(mail)
    same = sum(row.mail_id == best.mail_id for row in found)
    return Joined(mail=mail, recipients=same)


def _whole(mail: OutboxMessage) -> Joined:
    return Joined(mail=mail, recipients=len(mail.recipients))


def _our_id(metadata: object) -> uuid.UUID | None:
    said = metadata.get(METADATA) if isinstance(metadata, Mapping) else None
    try:
        return uuid.UUID(str(said))
    except ValueError:
        return None
