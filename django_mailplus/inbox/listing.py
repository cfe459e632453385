"""The list of mails that a page shows, and what an open page asks for each second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from django_mailplus.figures import duration
from django_mailplus.inbox.models import CaughtMail, database, mails
from django_mailplus.inbox.searching import goes_to, search
from django_mailplus.viewer import clean_line

__all__ = [
    "Listing",
    "Row",
    "age_of",
    "conversation",
    "found",
    "listing",
    "news",
    "person_url",
    "query_of",
    "row_of",
    "whole",
]

_PAGE = 100  # mails
_NOW, _LATELY = 45, 7 * 86_400  # seconds
_PATIENCE = 20  # seconds
_HUES = 8  # colours of the style sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One mail of a list; `url` keeps the list in which it stands."""

    mail: CaughtMail
    url: str
    age: str
    to: str
    more: int  # further recipients
    to_url: str

    @property
    def sender(self) -> str:
        return self.mail.sender_name or self.mail.sender or "(no sender)"

    @property
    def subject(self) -> str:
        return self.mail.subject or "(no subject)"

    @property
    def initial(self) -> str:
        letters = [c for c in self.sender if c.isalnum()]
        return letters[0].upper() if letters else "?"

    @property
    def hue(self) -> int:
        return sum(map(ord, self.mail.sender)) % _HUES


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a list. `query` leads back to it, with "?" in front, or is empty."""

    rows: tuple[Row, ...]
    q: str
    to: str
    problems: tuple[str, ...]
    query: str
    older: str
    newer: str
    total: int
    unread: int
    state: str
    patience: int
    """Seconds that an open page waits for news in one request; 0 where it asks each second."""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q or self.to)


def found(q: str, to: str = "") -> tuple[QuerySet[CaughtMail], tuple[str, ...]]:
    """The mails of a search, or of one recipient, and what of it made no sense."""
    looked_for = search(q)
    rows = mails().filter(looked_for.where)
    return rows.filter(goes_to(to)) if to else rows, looked_for.problems


def conversation(mail: CaughtMail) -> QuerySet[CaughtMail]:
    """The other mails of the same one, newest first."""
    return (
        mails()
        .filter(conversation=mail.conversation)
        .exclude(conversation="")
        .exclude(pk=mail.pk)
    )


def whole(pk: int) -> CaughtMail:
    """A mail with what it says, or a page that says there is none."""
    mail = CaughtMail.objects.using(database()).filter(pk=pk).defer("searched").first()
    if mail is None:
        raise Http404("There is no such mail.")
    return mail


def listing(request: HttpRequest, to: str = "") -> Listing:
    """As the address of a page says: `q`, `to` and `page`."""
    to = to or request.GET.get("to", "")
    q = request.GET.get("q", "").strip()
    page = _number(request.GET.get("page"))
    rows, problems = found(q, to)
    begin = (page - 1) * _PAGE
    some = list(rows[begin : begin + _PAGE + 1])
    told = _told()
    query = query_of(q=q, to=to, page=page if page > 1 else "")
    return Listing(
        rows=tuple(row_of(mail, query) for mail in some[:_PAGE]),
        q=q,
        to=clean_line(to),
        problems=problems,
        query=query,
        older=query_of(q=q, to=to, page=page + 1) if len(some) > _PAGE else "",
        newer=query_of(q=q, to=to, page=page - 1) if page > 1 else "",
        total=told["total"],
        unread=told["unread"],
        state=_state(told),
        patience=_PATIENCE if _may_wait(request) else 0,
    )


def _may_wait(request: HttpRequest) -> bool:
    """As with runserver; where a site is served, a request that waits takes a worker from it."""
    return settings.DEBUG and bool(request.META.get("wsgi.multithread"))


def news() -> str:
    """Another text whenever a mail came, went or was read. One query, of an index."""
    return _state(_told())


def _told() -> dict[str, Any]:
    # The sum tells of a mail that came late, with a lower number, while another one went.
    return (
        CaughtMail.objects.using(database())
        .order_by()
        .aggregate(
            total=Count("pk"),
            newest=Max("pk"),
            sum=Sum("pk"),
            unread=Count("pk", filter=Q(is_read=False)),
        )
    )


def _state(told: dict[str, Any]) -> str:
    numbers = (told[name] or 0 for name in ("total", "newest", "sum", "unread"))
    return "-".join(map(str, numbers))


def row_of(mail: CaughtMail, query: str) -> Row:
    return Row(
        mail=mail,
        url=reverse("mailplus_inbox:mail", args=[mail.pk]) + query,
        age=age_of(mail.received_at),
        to=mail.first_recipient,
        more=max(mail.recipient_count - 1, 0),
        to_url=person_url(mail.first_recipient),
    )


def person_url(address: str) -> str:
    """The inbox of one recipient; that of all for an address that has no page."""
    if not address.strip("/") or address != address.strip():
        return reverse("mailplus_inbox:list") + query_of(to=address)
    return reverse("mailplus_inbox:person", args=[address])


def age_of(moment: datetime) -> str:
    """In as few words as a list has room for."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < _NOW:
        return "now"
    if seconds >= _LATELY:
        return f"{moment:%d %b %Y}"
    return duration(max(seconds, 60))


def query_of(**values: Any) -> str:
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given)}" if given else ""


def _number(text: str | None) -> int:
    """Of a page; the first one for anything else."""
    digits = text if text and text.isascii() and text.isdigit() else "1"
    return max(min(int(digits[:6]), 100_000), 1)
