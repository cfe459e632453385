"""A page of the inbox, with what its bar needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from django_mailplus.inbox.searching import examples

__all__ = ["inbox_response"]


def inbox_response(
    request: HttpRequest, page: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """`page` is the name of a template of the inbox."""
    return render(
        request,
        f"mailplus/inbox/{page}.html",
        {"search_examples": examples(), **context},
        status=status,
    )
