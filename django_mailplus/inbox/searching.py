"""What people type into the search of the inbox, as a condition that every database knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from django_mailplus.columns import storable
from django_mailplus.inbox.models import CaughtRecipient
from django_mailplus.message.lookalike import lookalike_key

__all__ = ["OPERATORS", "Search", "examples", "goes_to", "search"]

_TERM = re.compile(r'(-?)(?:([A-Za-z]+):(?!//))?(?:"([^"]*)"?|(\S+))?')
_LONGEST = 500  # characters of a search
_MOST = 20  # terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to filter with, and in words what of the search could not be understood."""

    where: Q
    problems: tuple[str, ...] = ()


def search(text: str) -> Search:
    """Words, "phrases" and `operator:value`, each of which has to hold; `-` turns one round.

    Never raises: a term that makes no sense is left out, and told in `problems`.
    """
    where, problems = Q(), []
    terms = [found for found in _TERM.finditer(storable(text, _LONGEST)) if found[0]]
    for minus, operator, phrase, word in (found.groups() for found in terms[:_MOST]):
        value = (word if phrase is None else phrase) or ""
        try:
            term = _term(operator, value)
        except ValueError as error:
            problems.append(str(error))
            continue
        where &= ~term if minus else term
    if len(terms) > _MOST:
        problems.append(f"Only the first {_MOST} terms count.")
    return Search(where=where, problems=tuple(problems))


def _term(given: str | None, value: str) -> Q:
    if given is None:
        return Q(searched__contains=value.casefold())
    name = given.lower()
    if (operator := OPERATORS.get(name)) is None:
        known = ", ".join(f"{known}:" for known in OPERATORS)
        raise ValueError(
            f"There is no {name}: here. There are {known}; for words with a colon use quotes."
        )
    if not value:
        raise ValueError(
            f"{name}: needs something after it, such as {name}:{operator.values[0]}."
        )
    return operator.where(value)


def goes_to(address: str) -> Q:
    """Whether this is one of the recipients, however it is spelled."""
    return _some_recipient(Q(key=lookalike_key(address)))


def _some_recipient(which: Q) -> Q:
    return Q(Exists(CaughtRecipient.objects.filter(which, mail=OuterRef("pk"))))


def _to(value: str) -> Q:
    """A whole address, or a part of one."""
    if re.fullmatch(r"[^@]+@[^@]+\.[^@.]+", value):
        return goes_to(value)
    return _some_recipient(Q(address__icontains=value))


def _from(value: str) -> Q:
    return Q(sender__icontains=value) | Q(sender_name__icontains=value)


def _subject(value: str) -> Q:
    return Q(subject__icontains=value)


def _choice(name: str, conditions: Mapping[str, Q]) -> Callable[[str], Q]:
    def choose(value: str) -> Q:
        if (found := conditions.get(value.lower())) is None:
            known = ", ".join(f"{name}:{known}" for known in conditions)
            raise ValueError(f"There is no {name}:{value}. There are {known}.")
        return found

    return choose


def _day(name: str, value: str) -> date:
    today = timezone.localdate() if settings.USE_TZ else date.today()  # noqa: DTZ011
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        day = days.get(value.lower()) or date.fromisoformat(value)
    except ValueError:
        day = date.min
    if not 1900 <= day.year <= 9000:  # databases and time zones have ends of their own
        raise ValueError(
            f"{name}:{value} is no day. Write it such as {name}:{today:%Y-%m-%d}, "
            f"{name}:today or {name}:yesterday."
        )
    return day


def _beginning(name: str, value: str) -> datetime:
    begins = datetime.combine(_day(name, value), time.min)
    return timezone.make_aware(begins) if settings.USE_TZ else begins


def _before(value: str) -> Q:
    return Q(received_at__lt=_beginning("before", value))


def _after(value: str) -> Q:
    """On that day or later."""
    return Q(received_at__gte=_beginning("after", value))


_HAS = {
    "attachment": Q(attachment_count__gt=0),
    "code": ~Q(code=""),
    "link": ~Q(link=""),
}
_IS = {
    "unread": Q(is_read=False),
    "read": Q(is_read=True),
    "failed": Q(outcome__in=["failed", "partial"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What follows the colon as a condition, and values to show: all of a few, or examples."""

    where: Callable[[str], Q]
    values: tuple[str, ...]


OPERATORS: Mapping[str, Operator] = {
    "to": Operator(where=_to, values=("bob@example.com",)),
    "from": Operator(where=_from, values=("shop",)),
    "subject": Operator(where=_subject, values=("welcome",)),
    "has": Operator(where=_choice("has", _HAS), values=tuple(_HAS)),
    "is": Operator(where=_choice("is", _IS), values=tuple(_IS)),
    "before": Operator(where=_before, values=("today", "2030-01-31")),
    "after": Operator(where=_after, values=("yesterday",)),
}


def examples() -> list[str]:
    """Every operator as it is typed, for the help of the pages."""
    return [
        f"{name}:{value}"
        for name, operator in OPERATORS.items()
        for value in operator.values
    ]
