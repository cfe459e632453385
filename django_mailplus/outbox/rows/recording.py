"""What became of mails, written in one transaction."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connections, transaction
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    When,
)

from django_mailplus.columns import storable
from django_mailplus.delivery import RecipientResult
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Payload,
    ProviderMessage,
    Recipient,
    database,
)
from django_mailplus.outbox.rows.claims import (
    Claim,
    ours,
    rows,
    under_token,
)
from django_mailplus.outbox.rows.inserting import insert
from django_mailplus.outbox.rows.statements import now, sent
from django_mailplus.outbox.states import State

__all__ = ["attempt", "complete", "is_plainly_sent", "record", "retry_at", "whole"]

_LONGEST_TEXT = OutboxMessage._meta.get_field("text").max_length
_LONGEST_ADDRESS = Recipient._meta.get_field("address").max_length
_LONGEST_ID = ProviderMessage._meta.get_field("external_id").max_length


def record(verdicts: Sequence[tuple[Claim, Verdict]]) -> dict[uuid.UUID, State]:
    """Write what became of mails: their states now, without those that are not ours.

    What was sent at the first try, nearly all of them, goes in one UPDATE. What a call
    wrote whose answer was lost is not written again, and is told of. What providers call
    mails is written with their tries: it is so, whosever they are by now. Mails that no
    provider has named cost no statement more.
    """
    if not verdicts:
        return {}
    plain = [told[0] for told in verdicts if is_plainly_sent(*told)]
    with transaction.atomic(using=database(), savepoint=False):
        states: dict[uuid.UUID, State] = dict.fromkeys(_sent(plain), State.SENT)
        others = [told for told in verdicts if not is_plainly_sent(*told)]
        settled = {claim.id: _settle(claim, verdict) for claim, verdict in others}
        states |= {pk: state for pk, state in settled.items() if state is not None}
        before = _recorded_before([c for c, _ in verdicts if c.id not in states])
        _write_tries([told for told in verdicts if told[0].id not in before], states)
        states |= before
        _erase(
            claim.id
            for claim, _ in verdicts
            if claim.sensitive and states.get(claim.id) == State.SENT
        )
    return states


def _sent(plain: list[Claim]) -> Iterable[uuid.UUID]:
    if plain and sent((claim.id, claim.token) for claim in plain) < len(plain):
        return _sent_by_us(plain).difference(_tried(plain))
    return [claim.id for claim in plain]


def _tried(claims: list[Claim]) -> Iterable[uuid.UUID]:
    """Those whose try a call of ours has written: one that ended since they were claimed."""
    since = OuterRef("handover_started_at")
    tries = Attempt.objects.using(database()).filter(
        mail=OuterRef("pk"), ended_at__gte=since
    )
    found = rows().filter(under_token(claims), Exists(tries))
    return found.values_list("pk", flat=True)


def _recorded_before(claims: list[Claim]) -> dict[uuid.UUID, State]:
    """What stands under our claims and is not being sent any more, and how it ended."""
    if not claims:
        return {}
    found = rows().filter(under_token(claims)).exclude(state=State.SENDING)
    return {pk: State(state) for pk, state in found.values_list("pk", "state")}


def complete(verdicts: Sequence[tuple[Claim, Verdict]]) -> dict[uuid.UUID, State]:
    """After some of those that were sent could not be recorded, as they are not ours.

    Writes their tries; as `record` else.
    """
    with transaction.atomic(using=database(), savepoint=False):
        won = _sent_by_us([claim for claim, _ in verdicts])
        lost = [told for told in verdicts if told[0].id not in won]
        _write_tries(lost, {})
    return dict.fromkeys(won, State.SENT)


def _sent_by_us(claims: list[Claim]) -> set[uuid.UUID]:
    found = rows().filter(under_token(claims), state=State.SENT)
    return set(found.values_list("pk", flat=True))


def _write_tries(
    verdicts: Sequence[tuple[Claim, Verdict]], ours: Mapping[uuid.UUID, State]
) -> None:
    there = {claim.id for claim, _ in verdicts}
    if len(ours) < len(there):  # by deletion, too: what is gone has no attempts
        there = set(rows().filter(pk__in=there).values_list("pk", flat=True))
    made = [told for told in verdicts if told[0].id in there]
    insert(Attempt, {"ended_at": now()}, [attempt(*told) for told in made])
    insert(ProviderMessage, {}, [row for told in made for row in _noted(*told)])


def _noted(claim: Claim, verdict: Verdict) -> Iterator[dict[str, Any]]:
    for note in verdict.notes:
        yield {
            "mail": claim.id,
            "provider": storable(note.provider, 50),
            "external_id": storable(note.external_id, _LONGEST_ID),
            "address": storable(note.address, _LONGEST_ADDRESS),
            "status": storable(note.status, 20),
        }


def _erase(ids: Iterable[uuid.UUID]) -> None:
    """What they said; what else hangs on it, such as attachments, is pruned later."""
    if mails := list(ids):
        Payload.objects.using(database()).filter(pk__in=mails).delete()


def is_plainly_sent(claim: Claim, verdict: Verdict) -> bool:
    """Whether there is nothing to write but that: no fates, no earlier refusal."""
    differ = claim.has_fates or verdict.fates
    return verdict.state == State.SENT and not differ and claim.attempts == 1


def _settle(claim: Claim, verdict: Verdict) -> State | None:
    """The state that the mail has then; None for one that is not ours any more."""
    said: dict[str, Any] = {
        "state": verdict.state,
        "code": verdict.code,
        "enhanced": verdict.enhanced[:11],
        "text": storable(verdict.text, _LONGEST_TEXT),
    }
    values = dict(said)
    if verdict.state != State.QUEUED:
        values |= {"finalised_at": DatabaseNow(), "lease_until": None}
    else:
        # The token stays until another claim: by it we know what we have recorded.
        values |= {"lease_until": None, "handover_started_at": None}
        if not verdict.counts:
            values["attempts"] = F("attempts") - 1
        # Behind the others, if perhaps it is this mail that the mailer cannot bear.
        if verdict.counts or verdict.behind:
            values["due_at"] = retry_at(verdict.wait)
            if verdict.left is not None:
                values["give_up_at"] = DatabaseNow() + verdict.left
    if not verdict.handed_over:
        values["handover_started_at"] = None
    if not ours([claim]).update(**values):
        return None
    if verdict.fates:
        _write_fates(claim.id, verdict.fates)
    elif claim.has_fates and verdict.counts:
        return _settle_the_rest(claim.id, verdict.state, said)
    return verdict.state


def _settle_the_rest(mail_id: uuid.UUID, state: State, said: dict[str, Any]) -> State:
    """What became of all who were still waiting, after tries that told them apart."""
    fates = Recipient.objects.using(database()).filter(mail=mail_id)
    fates.filter(state=State.QUEUED).update(**said)
    ended = whole(state, set(fates.values_list("state", flat=True)))
    if ended != state:
        rows().filter(pk=mail_id).update(state=ended)
    return ended


def whole(state: State, of_recipients: set[str]) -> State:
    """The state of a mail that ends so for all who waited, and whose recipients differ.

    What nobody knows of is for a human, before all else.
    """
    if state == State.QUEUED:
        return state
    if State.UNKNOWN in of_recipients:
        return State.UNKNOWN
    others = of_recipients - {State.SENT, State.SUPPRESSED}
    return State.PARTIAL if State.SENT in of_recipients and others else state


def retry_at(wait: datetime.timedelta) -> Case:
    """After the wait, or when the mail expires, so that it does so in time."""
    later = DatabaseNow() + wait
    return Case(
        When(expires_at__lt=later, then=F("expires_at")),
        default=ExpressionWrapper(later, DateTimeField()),
    )


def _write_fates(mail_id: uuid.UUID, fates: Mapping[RecipientResult, State]) -> None:
    by_address = {
        storable(told.address, _LONGEST_ADDRESS): (told, state)
        for told, state in fates.items()
    }
    Recipient.objects.using(database()).bulk_create(
        [
            Recipient(
                mail_id=mail_id,
                address=address,
                state=state,
                code=told.code,
                enhanced=told.enhanced[:11],
                text=storable(told.text, _LONGEST_TEXT),
            )
            for address, (told, state) in by_address.items()
        ],
        update_conflicts=True,
        update_fields=["state", "code", "enhanced", "text"],
        unique_fields=_unique_fields(),
    )


def _unique_fields() -> list[str] | None:
    """MySQL finds the constraint by itself, and refuses to be told."""
    features = connections[database()].features
    return (
        ["mail", "address"] if features.supports_update_conflicts_with_target else None
    )


def attempt(claim: Claim, verdict: Verdict) -> dict[str, Any]:
    """The row of one try, but for its time."""
    return {
        "mail": claim.id,
        "seconds": verdict.seconds,
        "worker": claim.worker,
        "mailer": claim.mailer,
        "outcome": verdict.outcome,
        "code": verdict.code,
        "enhanced": verdict.enhanced[:11],
        "text": storable(verdict.text, _LONGEST_TEXT),
    }
