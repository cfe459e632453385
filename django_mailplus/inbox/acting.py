"""What people do with caught mails: each a POST of a form, after which a page follows."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from django_mailplus.inbox import changing
from django_mailplus.inbox.access import inbox_page
from django_mailplus.inbox.listing import found, query_of, whole
from django_mailplus.inbox.models import mails
from django_mailplus.inbox.release import release
from django_mailplus.inbox.telling import tell, tell_of_sending

__all__ = ["clear", "delete", "mark", "send_on"]


@inbox_page("POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Then comes the mail that the form names as the next, or the list."""
    changing.remove(pk)
    following = request.POST.get("next", "")
    if following.isdecimal() and mails().filter(pk=int(following[:18])).exists():
        return _to("mail", request, int(following[:18]))
    return _to("list", request)


@inbox_page("POST")
def mark(request: HttpRequest, pk: int) -> HttpResponse:
    """As read, or with `unread` as unread; 204 for a script that says so."""
    unread = "unread" in request.POST
    changing.mark_read(pk, is_read=not unread)
    if "quiet" in request.POST:
        return HttpResponse(status=204)
    return _to("list", request) if unread else _to("mail", request, pk)


@inbox_page("POST")
def clear(request: HttpRequest) -> HttpResponse:
    """All mails of the list from which it comes."""
    rows, problems = found(request.POST.get("q", ""), request.POST.get("to", ""))
    if problems:  # it would be another list than the one that was meant
        return tell(
            request,
            "Nothing was deleted.",
            " ".join(problems),
            back=reverse("mailplus_inbox:list"),
            status=400,
        )
    changing.clear(rows)
    return HttpResponseRedirect(reverse("mailplus_inbox:list"))


@inbox_page("POST")
def send_on(request: HttpRequest, pk: int) -> HttpResponse:
    """To the one address of the form."""
    return tell_of_sending(
        request,
        partial(release, whole(pk)),
        back=reverse("mailplus_inbox:mail", args=[pk]),
        done="Released.",
        failed="Not released.",
    )


def _to(name: str, request: HttpRequest, *args: Any) -> HttpResponse:
    """A page of the list from which the form comes."""
    query = query_of(q=request.POST.get("q", ""), to=request.POST.get("to", ""))
    return HttpResponseRedirect(reverse(f"mailplus_inbox:{name}", args=args) + query)
