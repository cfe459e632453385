"""The pages of the inbox: the list, one recipient's list, and a mail with its tabs."""

from __future__ import annotations

from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.urls import reverse

from django_mailplus.figures import size_of
from django_mailplus.inbox import release
from django_mailplus.inbox.access import inbox_page
from django_mailplus.inbox.leading import leading
from django_mailplus.inbox.listing import (
    Row,
    conversation,
    found,
    listing,
    person_url,
    row_of,
    whole,
)
from django_mailplus.inbox.models import CaughtMail, CaughtRecipient, database
from django_mailplus.inbox.rendering import inbox_response
from django_mailplus.inbox.tabs import TABS, Opened, attachments
from django_mailplus.viewer import clean_line
from django_mailplus.viewer.bodies import MOST_SHOWN
from django_mailplus.viewer.verdict import verdict

__all__ = ["latest", "mail_list", "mail_page"]

_OTHERS = 20  # mails of a conversation


@inbox_page("GET", "HEAD")
def mail_list(request: HttpRequest, address: str = "") -> HttpResponse:
    context = {"list": listing(request, address), "leading": leading()}
    return inbox_response(request, "list", context)


@inbox_page("GET", "HEAD")
def latest(request: HttpRequest) -> HttpResponse:
    """To the newest mail of a search, `?q=`, or of one recipient, `?to=`."""
    rows, _ = found(request.GET.get("q", ""), request.GET.get("to", ""))
    newest = rows.values_list("pk", flat=True).first()
    if newest is None:
        raise Http404("There is no such mail.")
    return HttpResponseRedirect(reverse("mailplus_inbox:mail", args=[newest]))


@inbox_page("GET", "HEAD")
def mail_page(request: HttpRequest, pk: int, tab: str = "") -> HttpResponse:
    mail = whole(pk)
    opened = Opened.of(mail)
    tab = tab or ("html" if opened.seen.html is not None else "text")
    rows = listing(request)
    return inbox_response(
        request,
        "mail",
        {
            "list": rows,
            "mail": mail,
            "size": size_of(mail.size),
            "row": row_of(mail, rows.query),
            "tab": tab,
            "tabs": [
                (name, each.title, _tab_url(name, mail, rows.query))
                for name, each in TABS.items()
            ],
            "shown_by": f"mailplus/inbox/tabs/{tab}.html",
            "recipients": _recipients(mail),
            "others": [
                row_of(other, rows.query) for other in conversation(mail)[:_OTHERS]
            ],
            "findings": verdict(opened.parsed).findings,
            "release": release.possible(),
            **attachments(opened),
            **_neighbours(rows.rows, mail.pk),
            **TABS[tab].context(request, opened),
        },
    )


def _tab_url(name: str, mail: CaughtMail, query: str) -> str:
    return reverse(f"mailplus_inbox:{name}", args=[mail.pk]) + query


def _neighbours(rows: tuple[Row, ...], pk: int) -> dict[str, Any]:
    """The mails above and below in the list, for whoever leafs through it."""
    numbers = [row.mail.pk for row in rows]
    if pk not in numbers:
        return {"above": None, "below": None}
    place = numbers.index(pk)
    return {
        "above": rows[place - 1] if place else None,
        "below": rows[place + 1] if place + 1 < len(rows) else None,
    }


def _recipients(mail: CaughtMail) -> list[tuple[str, str, str]]:
    """Kind, address and the address of the inbox of each."""
    rows = CaughtRecipient.objects.using(database()).filter(mail=mail).order_by("pk")
    return [
        (row.get_kind_display(), clean_line(row.address), person_url(row.address))
        for row in rows[:MOST_SHOWN]
    ]
