"""Who may look into the inbox: a developer at a site with DEBUG; staff, where the project says so.

All others are told that there is no such page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from django_mailplus.conf import setting

__all__ = ["inbox_api", "inbox_page", "may_look"]

# The pages have no style or script in them, and nothing of them comes from elsewhere.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; "
    "base-uri 'none'"
)

View = Callable[..., HttpResponse]


def may_look(request: HttpRequest) -> bool:
    """With DEBUG everybody who reaches the site, as with Django's own pages for errors."""
    if settings.DEBUG:
        return True
    user: Any = getattr(request, "user", None)
    return bool(
        setting("INBOX_FOR_STAFF") and user and user.is_active and user.is_staff
    )


def inbox_page(*methods: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """A page for whoever may look; a change comes from a form of our own (CSRF).

    Who may not look hears neither of methods nor of tokens, which only a page has. A view that sets a policy of its own keeps it. Not `no-referrer`: browsers then send
    forms with `Origin: null`, which CSRF checks refuse.
    """

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        only: Any = csrf_protect(require_http_methods(methods)(view))

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may_look(request):
                raise Http404("There is no such page.")
            return with_headers(only(request, *args, **kwargs))

        # Exempt from the middleware alone, which would answer before this is asked.
        page: View = login_not_required(never_cache(csrf_exempt(guarded)))
        return page

    return decorate


def with_headers(response: HttpResponse) -> HttpResponse:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def inbox_api(*methods: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """The same for programs, which may show MAILPLUS["INBOX_TOKEN"] instead of a session.

    No browser sends that by itself, so nothing can be forged with it.
    """

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        page = inbox_page(*methods)(view)

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not _has_token(request):
                return page(request, *args, **kwargs)
            only: Any = require_http_methods(methods)(view)
            return with_headers(only(request, *args, **kwargs))

        return login_not_required(never_cache(csrf_exempt(answer)))

    return decorate


def _has_token(request: HttpRequest) -> bool:
    token = setting("INBOX_TOKEN")
    given = request.headers.get("authorization", "")
    return bool(token) and constant_time_compare(given, f"Bearer {token}")
