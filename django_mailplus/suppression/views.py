"""The pages to which the links in bulk mail lead. They need no login and no cookie.

A link is opened by scanners, too, so GET changes nothing. Mail programs POST to the same
address what RFC 8058 section 3.1 says, people press the button of the page. The link of a
stream that is no bulk stream any more is about all of them, as its page says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from django_mailplus.pages.showing import form_token, open_page, pressed
from django_mailplus.suppression.bulk import bulk_streams, is_bulk
from django_mailplus.suppression.choices import (
    choices,
    choose,
    has_left,
    is_stopped,
    leave,
    rejoin,
)
from django_mailplus.suppression.tokens import read_token

__all__ = ["preferences", "unsubscribe"]

Page = Callable[[HttpRequest, str, str, str], HttpResponse]

_ONE_CLICK = re.compile(rb"list-unsubscribe\b.{0,300}?\bone-click\b", re.I | re.S)
_LOOKED_AT = 20_000  # bytes


def _of_a_link(page: Page) -> Callable[..., Any]:
    """Calls the page with the token, and with the address and the stream in it."""

    @wraps(page)
    def view(request: HttpRequest, token: str) -> HttpResponse:
        if (found := read_token(token)) is None:
            return render(request, "mailplus/unsubscribe/invalid.html", status=404)
        address, stream = found
        return page(request, token, address, stream if is_bulk(stream) else "")

    allowed = require_http_methods(["GET", "HEAD", "POST"])
    return open_page(allowed(view))


@_of_a_link
def unsubscribe(
    request: HttpRequest, token: str, address: str, stream: str
) -> HttpResponse:
    if request.method == "POST" and _is_one_click(request):
        leave(address, stream, source="mail program")
        return HttpResponse("Unsubscribed.\n", content_type="text/plain; charset=utf-8")
    if not pressed(request):
        page = "done" if has_left(address, stream) else "ask"
        return _show(request, page, token, address, stream)
    if "undo" in request.POST:
        rejoin(address, stream)
        return _show(request, "undone", token, address, stream)
    leave(address, stream, source="page")
    return _show(request, "done", token, address, stream)


def _is_one_click(request: HttpRequest) -> bool:
    """However it is written: Django reads no form that names another charset, or no type."""
    try:
        body = request.body
    except RawPostDataException:  # a middleware has read the form
        return "List-Unsubscribe" in request.POST
    return _ONE_CLICK.search(unquote_to_bytes(body[:_LOOKED_AT])) is not None


@_of_a_link
def preferences(
    request: HttpRequest, token: str, address: str, stream: str
) -> HttpResponse:
    saved = pressed(request)
    if saved:
        ticked = [] if "none" in request.POST else request.POST.getlist("stream")
        # One that came while the page was open had no box to be ticked.
        shown = request.POST.getlist("shown") or list(bulk_streams())
        wanted = bulk_streams().keys() & set(shown) & set(ticked)
        choose(address, wanted, source="preferences", among=shown)
    return _show(
        request,
        "preferences",
        token,
        address,
        stream,
        choices=choices(address),
        saved=saved,
    )


def _show(
    request: HttpRequest,
    page: str,
    token: str,
    address: str,
    stream: str,
    **context: Any,
) -> HttpResponse:
    context |= {
        "address": address,
        "title": str(bulk_streams().get(stream, "")),
        "is_stopped": is_stopped(address),
        "form_token": form_token(),
        "unsubscribe_url": reverse("mailplus_unsubscribe:unsubscribe", args=[token]),
        "preferences_url": reverse("mailplus_unsubscribe:preferences", args=[token]),
    }
    return render(request, f"mailplus/unsubscribe/{page}.html", context)
