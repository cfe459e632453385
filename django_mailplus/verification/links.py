"""Where pages are, which redirects are safe, and whose a link is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import (
    url_has_allowed_host_and_scheme,
    urlsafe_base64_decode,
    urlsafe_base64_encode,
)

from django_mailplus import conf

__all__ = [
    "find_user",
    "is_safe_next",
    "page_url",
    "pages_included",
    "uid_of",
]


def page_url(name: str, *args: str) -> str:
    """The path of a page of this room."""
    try:
        return reverse(f"mailplus:{name}", args=args)
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            f"There is no page {name!r} of django-mailplus to link to. Add "
            'path("verify/", include("django_mailplus.verification.urls")) to the URLconf '
            "that ROOT_URLCONF names."
        ) from error


def pages_included() -> bool:
    """Whether the project has the pages of this room among its URLs."""
    try:
        reverse("mailplus:verify_email_resend")
    except NoReverseMatch:
        return False
    except Exception:  # a broken URLconf is reported by Django's own checks
        return False
    return True


def is_safe_next(url: str, request: HttpRequest) -> bool:
    """Whether a redirect may lead there: to this host or one that the project lists.

    Never by ALLOWED_HOSTS, which may hold "*".
    """
    hosts = {request.get_host(), *conf.setting("VERIFICATION_REDIRECT_HOSTS")}
    if base := conf.setting("BASE_URL"):
        hosts.add(urlsplit(base).netloc)
    return url.startswith(("/", "http")) and url_has_allowed_host_and_scheme(
        url, allowed_hosts=hosts, require_https=request.is_secure()
    )


def uid_of(user: Any) -> str:
    """The primary key as Django's password reset writes it."""
    return urlsafe_base64_encode(user._meta.pk.value_to_string(user).encode())


def find_user(uidb64: str, *, lock: bool = False, database: str | None = None) -> Any:
    """The user of a link, or None; with a lock on its row if asked for."""
    model = get_user_model()
    users = model._default_manager.using(database)
    if lock:
        users = users.select_related(None).select_for_update()
    try:
        text = urlsafe_base64_decode(uidb64).decode()
        if "\0" in text:  # which PostgreSQL cannot hold
            return None
        return users.get(pk=model._meta.pk.to_python(text))
    except (
        TypeError,
        ValueError,  # bad base64 and UTF-8
        OverflowError,
        ValidationError,
        model.DoesNotExist,
    ):
        return None
