"""The list of the outbox in the admin, made so that a million mails do not slow it down.

Pages, filters and searches read ranges of an index, or a bounded number of rows.
"""

from __future__ import annotations

import datetime
import json
import time
import uuid
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_mailplus.outbox.mailers.configured import dispatches
from django_mailplus.outbox.models import (
    NO_MAILER,
    MailerState,
    OutboxMessage,
    database,
)
from django_mailplus.outbox.states import FINAL, State

__all__ = [
    "COUNTED",
    "SEARCHED",
    "CappedPaginator",
    "CreatedFilter",
    "MailerFilter",
    "StateFilter",
    "is_final",
    "mailer_name",
    "moment",
    "search",
    "state_label",
]

COUNTED = 10_000
"""Mails up to which a list is counted and has pages."""

SEARCHED = 50_000
"""Mails, the newest ones, among which words are searched for: no index helps there."""


def mailer_name(alias: str) -> str:
    """What people read for a mailer; the one of the EMAIL_ settings has no alias."""
    return alias or str(_("(settings)"))


def state_label(mail: OutboxMessage) -> str:
    again = mail.state == State.QUEUED and mail.attempts > 0
    return format_html(
        '<span class="mailplus-state mailplus-{}">{}</span>',
        "again" if again else mail.state,
        _("retrying") if again else mail.get_state_display(),
    )


def moment(time: datetime.datetime) -> str:
    """The same width for all, and the same order as the time."""
    shown = timezone.localtime(time) if timezone.is_aware(time) else time
    return date_format(shown, "Y-m-d H:i")


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Counts no further than it has pages for."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, COUNTED)

    @property
    def is_capped(self) -> bool:
        return self._counted > COUNTED

    @cached_property
    def _counted(self) -> int:
        mails: Any = self.object_list
        return int(mails.order_by()[: COUNTED + 1].count())


class _Filter(admin.SimpleListFilter):
    def has_output(self) -> bool:
        return True

    def chosen(self) -> str | None:
        """What was asked for, if it is among the choices."""
        value = self.value()
        return (
            value
            if value in {choice for choice, _name in self.lookup_choices}
            else None
        )


class StateFilter(_Filter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        choices: list[tuple[str, Any]] = list(State.choices)
        return [
            choices[0],
            ("again", _("waiting for another try")),
            *choices[1:],
        ]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.chosen() is None:
            return queryset
        if self.chosen() == "again":
            return queryset.filter(state=State.QUEUED, attempts__gt=0)
        return queryset.filter(state=self.chosen())


class MailerFilter(_Filter):
    """Those that are configured, and the one that was asked for: a DISTINCT reads it all."""

    title = _("mailer")
    parameter_name = "mailer"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        states = MailerState.objects.using(database())
        known = states.exclude(alias__startswith=NO_MAILER).values_list("alias")
        aliases = {*dispatches(), *(alias for (alias,) in known)}
        asked = self.value()
        if asked is not None and "\0" not in asked:
            aliases.add(asked)
        return [(alias, mailer_name(alias)) for alias in sorted(aliases)]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        return queryset if chosen is None else queryset.filter(mailer=chosen)


class CreatedFilter(_Filter):
    """By the time that is in the ids, for these have an index."""

    title = _("created")
    parameter_name = "created"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("hour", _("in the last hour")),
            ("day", _("in the last 24 hours")),
            ("week", _("in the last 7 days")),
            ("month", _("in the last 30 days")),
        ]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if chosen is None:
            return queryset
        since = time.time() - _SECONDS[chosen]
        return queryset.filter(pk__gte=uuid.UUID(int=int(since * 1000) << 80))


_SECONDS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}


def search(
    mails: QuerySet[OutboxMessage], words: str, *, subjects: bool
) -> QuerySet[OutboxMessage]:
    """Mails with all of the words or of a stream, in the newest ones; by id or Message-ID, in all.

    `subjects` says whether who asks may read what mails say. Of sensitive mails nobody
    may, and finding them by it would tell.
    """
    words = words.strip()
    if not words:
        return mails
    if (pk := _as_id(words)) is not None:
        return mails.filter(pk=pk)
    if words.startswith("<") and words.endswith(">"):
        return mails.filter(message_id=words)
    if words.startswith(_STREAM):
        return _newest(mails).filter(stream=words.removeprefix(_STREAM).strip())
    mails = _newest(mails).annotate(to=Cast("recipients", TextField()))
    for word in words.split()[:_MOST_WORDS]:
        in_json = json.dumps(word)[1:-1]  # as some databases keep it
        found = Q(mail_from__icontains=word) | Q(message_id__icontains=word)
        found |= Q(to__icontains=word) | Q(to__icontains=in_json)
        if subjects:
            found |= Q(subject__icontains=word, sensitive=False)
        mails = mails.filter(found)
    return mails


_MOST_WORDS = 5
_STREAM = "stream:"


def _as_id(words: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(words)
    except ValueError:
        return None


def _newest(mails: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    ids = OutboxMessage.objects.using(mails.db).order_by("-pk").values_list("pk")
    older = ids[SEARCHED : SEARCHED + 1].first()
    return mails if older is None else mails.filter(pk__gt=older[0])


def is_final(request: HttpRequest) -> bool:
    """Whether the list is of one state that mails end in: it has an index by their end.

    A search for words looks at the newest ids, and has to read them in that order.
    """
    return request.GET.get("state", "") in _FINAL and not request.GET.get("q")


_FINAL = frozenset(str(state) for state in FINAL)
