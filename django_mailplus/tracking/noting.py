"""An event of a provider: into the mail it is about, once, and to the do-not-mail list.

It never changes the state of the mail: what a state says is what we did.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import dataclass

from django.db import transaction

from django_mailplus.columns import in_columns, storable
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import TrackingEvent, database
from django_mailplus.racing import tried_again
from django_mailplus.tracking.classifier import classify_event
from django_mailplus.tracking.joining import Joined, join
from django_mailplus.tracking.rules import Kind
from django_mailplus.tracking.suppressing import put_on_list

__all__ = ["Told", "note"]

# A reader, or the machine that looks at mails for one, does so any number of times.
_ONCE_EACH = frozenset({"opened", "clicked"})
# Their ids are those of the calls: of another call for the same event it is another.
_IDS_OF_CALLS = frozenset({"Mailgun"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Told:
    """What a provider told, in the words of django-anymail; "" or None for nothing."""

    provider: str
    type: str
    external_id: str
    address: str
    event_id: str
    reason: str
    text: str
    happened_at: datetime.datetime | None
    metadata: object
    raw: object  # as the provider sent it

    def __repr__(self) -> str:
        return f"<Told {self.provider} {self.type}>"


@tried_again(database)
def note(told: Told) -> TrackingEvent | None:
    """The event at its mail; None where there is no such mail, or it is there already.

    What was noted before is not put on the list again: somebody may have been taken off
    it since. Raises DatabaseError; then nothing is noted, and it may be told again.
    """
    joined = join(told.provider, told.external_id, told.address, told.metadata)
    kind = classify_event(
        told.provider,
        told.type,
        told.raw,
        reject_reason=told.reason,
        recipients=joined.recipients if joined else None,
    )
    if joined is None:
        put_on_list(told.address, kind, source=told.provider, detail=told.text)
        return None
    # With the list, so that neither is without the other.
    with transaction.atomic(using=database()):
        event, is_new = _keep(told, kind, joined)
        if is_new:
            put_on_list(
                told.address,
                kind,
                source=told.provider,
                detail=told.text,
                stream=joined.mail.stream,
            )
    return event if is_new else None


def _keep(told: Told, kind: Kind, joined: Joined) -> tuple[TrackingEvent, bool]:
    return TrackingEvent.objects.using(database()).get_or_create(
        key=_key(told, kind, joined),
        defaults={
            "mail": joined.mail,
            "provider": storable(told.provider, 50),
            "address": storable(told.address, 320),
            "type": storable(told.type, 20),
            "kind": kind,
            "happened_at": in_columns(told.happened_at) or DatabaseNow(),
            "event_id": storable(told.event_id, 255),
            "reason": storable(told.reason, 20),
            "text": storable(told.text, 500),
        },
    )


def _key(told: Told, kind: Kind, joined: Joined) -> str:
    """The same for the same event, however often and in whatever order it is told."""
    parts = [str(joined.mail.pk), told.provider, told.type, told.address.lower()]
    if told.type not in _ONCE_EACH:
        if told.event_id and told.provider not in _IDS_OF_CALLS:
            parts.append(told.event_id)
        else:
            moment = told.happened_at.isoformat() if told.happened_at else ""
            parts += ["", moment, kind, told.reason, told.text]
    written = json.dumps(parts)
    return hashlib.sha256(written.encode()).hexdigest()
