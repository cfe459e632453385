"""The policy of a test's site, as Django's own middleware sets one: a view that has one keeps it.

A run has one live server, made once with MIDDLEWARE as it is then. So this one is always
there, and asks for PAGE_POLICY with every answer.
"""

from __future__ import annotations

from django.conf import settings


def page_policy(get_response):
    def middleware(request):
        response = get_response(request)
        if settings.PAGE_POLICY:
            response.headers.setdefault("Content-Security-Policy", settings.PAGE_POLICY)
        return response

    return middleware
