"""Pages for whoever has their link: kept by nobody, told to nobody, without a cookie."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

__all__ = ["form_token", "open_page", "pressed", "private_page"]

_SALT = "django_mailplus.pages.button"
_AGE = 86_400  # seconds that a page may stay open before its button is pressed

ViewFunction = Callable[..., HttpResponseBase]


def private_page(view: ViewFunction) -> ViewFunction:
    """Kept by no cache and no search engine; its address is told to no other site.

    Not `no-referrer`: browsers then send forms with `Origin: null`, which CSRF checks
    refuse.
    """

    @wraps(view)
    def with_headers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response  # type: ignore[return-value]

    return never_cache(sensitive_post_parameters()(with_headers))


def open_page(view: ViewFunction) -> ViewFunction:
    """For everybody, with or without login and cookies."""
    return login_not_required(csrf_exempt(private_page(view)))


def form_token() -> str:
    """Proof that a form was rendered by us, which needs no cookie.

    It tells a button that was pressed from a bare POST of a link scanner. Who may do
    what is decided by the link itself, so another site has nothing to forge.
    """
    return signing.dumps("form", salt=_SALT)


def _was_pressed(token: str) -> bool:
    try:
        return bool(signing.loads(token, salt=_SALT, max_age=_AGE) == "form")
    except signing.BadSignature:
        return False


def pressed(request: HttpRequest) -> bool:
    return request.method == "POST" and _was_pressed(request.POST.get("form_token", ""))
