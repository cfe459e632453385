"""What one person wants of the streams that go to many."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from django_mailplus.message.envelope import bare_address
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again
from django_mailplus.suppression.bulk import bulk_streams
from django_mailplus.suppression.models import Suppression, database, entries
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import lift, suppress

__all__ = ["Choice", "choices", "choose", "has_left", "is_stopped", "leave", "rejoin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One stream, what people call it, and whether it is wanted."""

    stream: str
    title: str
    wanted: bool


def choices(address: str) -> list[Choice]:
    left = _left(address)
    return [
        Choice(stream=stream, title=str(title), wanted=not {"", stream} & left)
        for stream, title in bulk_streams().items()
    ]


def leave(address: str, stream: str, *, source: str) -> None:
    """One stream, or with "" every one that goes to many, also of those to come."""
    suppress(address, reason=Reason.UNSUBSCRIBE, stream=stream, source=source)


def rejoin(address: str, stream: str) -> None:
    """Undo `leave`; who left every stream stays away from the others."""
    if "" in _left(address) and stream:
        choose(address, {stream}, source="undo")
    else:
        lift(address, reason=Reason.UNSUBSCRIBE, stream=stream)


@tried_again(database)
def choose(
    address: str,
    wanted: Collection[str],
    *,
    source: str,
    among: Collection[str] | None = None,
) -> None:
    """Exactly these streams; with none of them, none of those to come either.

    Where there are some, all that were not `among` those to choose from stay as they are.
    """
    with transaction.atomic(using=database()):
        _choose(address, wanted, source, bulk_streams() if among is None else among)


def _choose(
    address: str, wanted: Collection[str], source: str, among: Collection[str]
) -> None:
    if not wanted:
        leave(address, "", source=source)
        return
    left = _left(address)
    others = bulk_streams().keys() - set(among)
    wanted = {*wanted, *(s for s in others if not {"", s} & left)}
    for stream in bulk_streams():
        if stream not in wanted:
            if stream not in left:
                leave(address, stream, source=source)
        elif stream in left:
            lift(address, reason=Reason.UNSUBSCRIBE, stream=stream)
    if "" in left:
        lift(address, reason=Reason.UNSUBSCRIBE, stream="")


def has_left(address: str, stream: str) -> bool:
    return bool({"", stream} & _left(address))


def is_stopped(address: str) -> bool:
    """Whether the address gets no mail at all, which nobody can choose away."""
    return (
        _entries(address).exclude(reason=Reason.UNSUBSCRIBE).filter(stream="").exists()
    )


def _left(address: str) -> set[str]:
    found = _entries(address).filter(reason=Reason.UNSUBSCRIBE)
    return set(found.values_list("stream", flat=True))


def _entries(address: str) -> QuerySet[Suppression]:
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return entries().filter(valid, key=lookalike_key(bare_address(address)))
