"""Which mails somebody means, and what becomes of them when a verb is applied."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connections
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from django_mailplus.outbox.actions.verbs import Verb
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import Attempt, OutboxMessage, Payload, database
from django_mailplus.outbox.states import FINAL, State

__all__ = ["Done", "UnknownMailError", "do", "find", "scheduled", "select"]

_HEX = re.compile(r"[0-9a-f]{1,32}")
_GROUPS = (8, 4, 4, 4, 12)  # hexadecimal digits of a UUID


class UnknownMailError(LookupError):
    """No mail has that id, or several have one that begins so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How many mails changed; of the others why not.

    By state, for want of content, or because they are `scheduled` for later.
    """

    changed: int
    elsewhere: Mapping[State, int] = field(default_factory=dict)
    erased: int = 0
    scheduled: int = 0


def find(beginning: str) -> OutboxMessage:
    """The one mail whose id is this or begins so. Raises `UnknownMailError`."""
    digits = beginning.lower().replace("-", "")
    if not _HEX.fullmatch(digits):
        raise UnknownMailError(f"{beginning!r} is no id of a mail.")
    mails = OutboxMessage.objects.using(database())
    if len(digits) == 32:
        found = list(mails.filter(pk=uuid.UUID(digits)))
    else:
        found = list(mails.filter(pk__startswith=_as_stored(digits))[:2])
    if not found:
        raise UnknownMailError(f"No mail has an id that begins with {beginning!r}.")
    if len(found) > 1:
        raise UnknownMailError(
            f"Several mails have an id that begins with {beginning!r}. Give more of it."
        )
    return found[0]


def _as_stored(digits: str) -> str:
    """With the hyphens of a database that has a type for UUIDs."""
    if not connections[database()].features.has_native_uuid_field:
        return digits
    groups, start = [], 0
    for length in _GROUPS:
        groups.append(digits[start : start + length])
        start += length
    return "-".join(filter(None, groups))


def select(
    *,
    states: Sequence[str] = (),
    mailers: Sequence[str] = (),
    streams: Sequence[str] = (),
) -> QuerySet[OutboxMessage]:
    """Those in one of each; where none is named, in any."""
    asked = {"state__in": states, "mailer__in": mailers, "stream__in": streams}
    mails = OutboxMessage.objects.using(database()).order_by()
    return mails.filter(**{name: values for name, values in asked.items() if values})


def do(
    verb: Verb,
    mails: QuerySet[OutboxMessage],
    *,
    dry_run: bool = False,
    named: bool = False,
) -> Done:
    """Let them go from state to state as far as that is possible, or only count.

    Who has `named` each of them means those that are scheduled for later, too.
    """
    left_out = 0
    if verb.hastens and not named:
        left_out = mails.filter(scheduled()).count()
        mails = mails.filter(~scheduled())
    counts = dict(mails.values_list("state").annotate(Count("pk")))
    elsewhere = {
        state: counts[state]
        for state in State
        if state in counts and state not in verb.start
    }
    able = mails.filter(state__in=verb.start)
    erased = 0
    if verb.needs_content:
        over = able.filter(state__in=FINAL)
        said = Exists(Payload.objects.using(database()).filter(mail=OuterRef("pk")))
        erased = over.filter(~said).count()
    changed = able.count() - erased if dry_run else verb.act(mails)
    return Done(changed=changed, elsewhere=elsewhere, erased=erased, scheduled=left_out)


def scheduled() -> Q:
    """Never tried, and not yet due: what met a mailer in trouble has a try, but no attempt."""
    tries = Attempt.objects.using(database()).filter(mail=OuterRef("pk"))
    later = Q(state=State.QUEUED, attempts=0, due_at__gt=DatabaseNow())
    return later & ~Q(Exists(tries))
