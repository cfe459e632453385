"""The front page: what this is and where everything is."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from django_mailplus.chain import describe
from website.recipes.registry import EVERYDAY, WHEN_THINGS_GO_WRONG


def home(request: HttpRequest) -> HttpResponse:
    context = {
        "everyday": EVERYDAY,
        "when_things_go_wrong": WHEN_THINGS_GO_WRONG,
        "mailers": [describe(alias) for alias in settings.MAILERS],
    }
    return render(request, "website/home.html", context)
