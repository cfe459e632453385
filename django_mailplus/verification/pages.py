"""What the pages of this room have in common: how they look, and where they lead."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render, resolve_url
from django.urls import get_script_prefix

from django_mailplus import conf
from django_mailplus.pages.showing import form_token
from django_mailplus.verification import links
from django_mailplus.verification.sending import was_remembered

__all__ = ["show", "visitor", "welcome"]


def show(
    request: HttpRequest, name: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"form_token": form_token(), "home": get_script_prefix()}
    return render(request, f"mailplus/verification/{name}.html", context, status=status)


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
