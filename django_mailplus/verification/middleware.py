"""The gate for a whole site: every view asks for a verified address but those that say not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from django_mailplus.verification.gates import refusal

__all__ = ["VerifiedEmailMiddleware"]


class VerifiedEmailMiddleware(MiddlewareMixin):
    """Put it after `AuthenticationMiddleware`.

    Visitors who are not logged in pass, as does every view that is marked with Django's
    `login_not_required` or with `verified_email_not_required`: combine it with
    `LoginRequiredMiddleware` to close the site.
    """

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        open_to_all = not getattr(view, "login_required", True)
        if open_to_all or not getattr(view, "verified_email_required", True):
            return None
        if not request.user.is_authenticated:
            return None
        return refusal(request)
