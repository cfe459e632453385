"""The inbox as JSON: for the open page, for tests in a browser, for tools."""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse

from django_mailplus.inbox import changing
from django_mailplus.inbox.access import inbox_api
from django_mailplus.inbox.listing import found, news
from django_mailplus.inbox.models import CaughtMail, CaughtRecipient, database
from django_mailplus.viewer import codes_in, links_in, view

__all__ = ["latest", "message", "messages"]

_USUAL, _MOST = 50, 500  # mails of one answer
_LONGEST_WAIT = 30.0  # seconds
_PAUSE = 0.2  # seconds between two looks
_LARGEST = 2**63 - 1  # number of a mail


@transaction.non_atomic_requests  # each look has to see what was committed meanwhile
@inbox_api("GET", "HEAD", "DELETE")
def messages(request: HttpRequest) -> HttpResponse:
    """`?q=&to=&after=&limit=&wait=`: the newest first. DELETE deletes all that a search finds.

    With the ETag of an answer in If-None-Match it is 304 until anything changes, which is
    waited for up to `wait` seconds (30).
    """
    try:
        rows = _found(request)
        limit = _number(request, "limit", _USUAL, most=_MOST)
        wait = _number(request, "wait", 0, most=_LONGEST_WAIT)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    if request.method == "DELETE":
        return JsonResponse({"deleted": changing.clear(rows)})
    ends = time.monotonic() + wait
    # What compresses the answer on its way marks the tag as a weak one (RFC 9110).
    known = request.headers.get("if-none-match", "").removeprefix("W/")
    while (tag := f'"{news()}"') == known:
        if time.monotonic() >= ends:
            return HttpResponseNotModified(headers={"ETag": tag})
        time.sleep(_PAUSE)
    shown = list(rows[: int(limit)])
    return JsonResponse(
        {"messages": [_short(mail) for mail in shown]}, headers={"ETag": tag}
    )


@inbox_api("GET", "HEAD", "DELETE")
def message(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method == "DELETE":
        return JsonResponse({"deleted": changing.remove(pk)})
    return _whole(pk) or JsonResponse({"error": f"There is no mail {pk}."}, status=404)


@transaction.non_atomic_requests  # each look has to see what was committed meanwhile
@inbox_api("GET", "HEAD")
def latest(request: HttpRequest) -> HttpResponse:
    """`?to=&q=&after=&wait=`: the newest such mail, waited for up to `wait` seconds (30)."""
    try:
        rows = _found(request)
        wait = _number(request, "wait", 0, most=_LONGEST_WAIT)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=400)
    ends = time.monotonic() + wait
    while (newest := rows.values_list("pk", flat=True).first()) is None:
        if time.monotonic() >= ends:
            told = f"No such mail came within {wait:g} s."
            return JsonResponse({"error": told}, status=404)
        time.sleep(_PAUSE)
    return _whole(newest) or JsonResponse({"error": "It was deleted."}, status=404)


def _found(request: HttpRequest) -> Any:
    rows, problems = found(request.GET.get("q", ""), request.GET.get("to", ""))
    if problems:
        raise ValueError(" ".join(problems))
    after = _number(request, "after", 0, most=_LARGEST)
    return rows.filter(pk__gt=int(after)) if after else rows


def _number(request: HttpRequest, name: str, usual: float, *, most: float) -> float:
    given = request.GET.get(name, "")
    if not given:
        return usual
    try:
        number = float(given) if name == "wait" else int(given)
    except ValueError:
        number = -1
    if not number >= 0:
        raise ValueError(f"{name}={given!r} is no number of 0 or more.")
    return min(number, most)


def _short(mail: CaughtMail) -> dict[str, Any]:
    return {
        "id": mail.pk,
        "received_at": mail.received_at,
        "from": mail.sender,
        "from_name": mail.sender_name,
        "to": mail.first_recipient,
        "recipient_count": mail.recipient_count,
        "subject": mail.subject,
        "first_words": mail.first_words,
        "code": mail.code,
        "link": mail.link,
        "is_read": mail.is_read,
        "size": mail.size,
        "attachment_count": mail.attachment_count,
        "source": mail.source,
        "mailer": mail.mailer,
        "outcome": mail.outcome,
    }


def _whole(pk: int) -> HttpResponse | None:
    mail = CaughtMail.objects.using(database()).defer("searched").filter(pk=pk).first()
    if mail is None:
        return None
    seen = view(mail.content, in_brief=True)
    people = CaughtRecipient.objects.using(database()).filter(mail=mail).order_by("pk")
    return JsonResponse(
        {
            **_short(mail),
            "recipients": list(people.values("kind", "address")),
            "headers": seen.headers,
            "text": seen.text,
            "html": seen.html,
            "left_out": {
                "text": seen.text_left_out,
                "html": seen.html_left_out,
                "attachments": seen.attachments_left_out,
            },
            "codes": codes_in(seen),
            "links": [{"url": link.url, "text": link.text} for link in links_in(seen)],
            "attachments": [
                {"filename": a.filename, "content_type": a.content_type, "size": a.size}
                for a in seen.attachments
            ],
            "origin": mail.origin,
            "delivery": mail.delivery,
        }
    )
