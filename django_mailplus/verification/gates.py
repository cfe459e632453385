"""Doors that open for people with a verified address: decorator, mixin, login form.

Nobody logged in is sent to the login, an unverified user to the page that asks to look
into the mail and offers another one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import wraps
from typing import Any, TypeVar, overload

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_mailplus.verification.addresses import is_email_verified
from django_mailplus.verification.links import page_url

__all__ = [
    "VerifiedEmailLoginMixin",
    "VerifiedEmailRequiredMixin",
    "refusal",
    "verified_email_not_required",
    "verified_email_required",
]

View = TypeVar("View", bound=Callable[..., Any])


def refusal(
    request: HttpRequest, *, raise_exception: bool = False
) -> HttpResponse | None:
    """The answer for somebody who may not pass; None for who may. One query, for users only."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        if is_email_verified(user):
            return None
        if not raise_exception:
            return redirect(page_url("verify_email_sent"))
    if raise_exception:
        raise PermissionDenied(
            _("This page is for people with a verified email address.")
        )
    return redirect_to_login(request.get_full_path())


@overload
def verified_email_required(view: View, *, raise_exception: bool = False) -> View: ...


@overload
def verified_email_required(
    view: None = None, *, raise_exception: bool = False
) -> Callable[[View], View]: ...


def verified_email_required(
    view: View | None = None, *, raise_exception: bool = False
) -> View | Callable[[View], View]:
    """Decorator for views, also asynchronous ones. `raise_exception` answers 403 instead."""

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @wraps(view)
            async def guarded_async(
                request: HttpRequest, *args: Any, **kwargs: Any
            ) -> Any:
                refused = await sync_to_async(refusal)(
                    request, raise_exception=raise_exception
                )
                return refused or await view(request, *args, **kwargs)

            return guarded_async  # type: ignore[return-value]

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            refused = refusal(request, raise_exception=raise_exception)
            return refused or view(request, *args, **kwargs)

        return guarded  # type: ignore[return-value]

    return decorate if view is None else decorate(view)


def verified_email_not_required(view: View) -> View:
    """Leave a view out of `VerifiedEmailMiddleware`."""
    view.verified_email_required = False  # type: ignore[attr-defined]
    return view


class VerifiedEmailRequiredMixin:
    """The decorator for class-based views; name it before the view class."""

    raise_exception = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "view_is_async", False):
            return self._dispatch_async(request, *args, **kwargs)
        refused = refusal(request, raise_exception=self.raise_exception)
        return refused or super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    async def _dispatch_async(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Any:
        ask = sync_to_async(refusal)
        refused = await ask(request, raise_exception=self.raise_exception)
        return refused or await super().dispatch(request, *args, **kwargs)  # type: ignore[misc]


class VerifiedEmailLoginMixin:
    """For an `AuthenticationForm`: no login without a verified address.

    `grace_period` counts from `date_joined`; within it an unverified user may log in.
    """

    grace_period = timedelta(0)

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)  # type: ignore[misc]
        if not self._in_grace(user) and not is_email_verified(user):
            raise ValidationError(
                _("Confirm your email address first: we sent you a mail."),
                code="unverified",
            )

    def _in_grace(self, user: Any) -> bool:
        joined = getattr(user, "date_joined", None)
        if joined is None:
            return False
        if not isinstance(joined, datetime):  # a day: from its beginning
            joined = datetime.combine(joined, time.min)
            joined = timezone.make_aware(joined) if settings.USE_TZ else joined
        return bool(timezone.now() < joined + self.grace_period)
