"""What all pages have in common: who may see them, who keeps them, where they lead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render, resolve_url
from django.urls import get_script_prefix
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from django_mailplus import conf
from django_mailplus.verification import links
from django_mailplus.verification.forms import form_token, was_pressed
from django_mailplus.verification.sending import was_remembered

__all__ = ["open_page", "pressed", "private_page", "show", "visitor", "welcome"]

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


def show(
    request: HttpRequest, name: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"form_token": form_token(), "home": get_script_prefix()}
    return render(request, f"mailplus/verification/{name}.html", context, status=status)


def pressed(request: HttpRequest) -> bool:
    return request.method == "POST" and was_pressed(request.POST.get("form_token", ""))


def visitor(request: HttpRequest) -> Any:
    """The user who is logged in, or None; also in projects without sessions."""
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def welcome(request: HttpRequest, user: Any, next_url: str = "") -> HttpResponse:
    """After a proof: log in where that was asked for, go where the link says."""
    if (
        conf.setting("VERIFICATION_LOGIN_ON_VERIFY")
        and getattr(user, "is_active", True)
        and visitor(request) is None
        and was_remembered(request, user)
    ):
        # Only in the browser that signed up: a link alone never logs anybody in.
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    next_url = next_url or request.GET.get("next", "")
    if links.is_safe_next(next_url, request):
        return HttpResponseRedirect(next_url)  # redirect() would look for such a view
    success = conf.setting("VERIFICATION_SUCCESS_URL")
    return redirect(
        resolve_url(success) if success else links.page_url("verify_email_done")
    )
