"""Addresses of pages: absolute for mails, safe for redirects, signed for a visitor."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.apps import apps
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
    "absolute_url",
    "base_url",
    "find_user",
    "is_safe_next",
    "page_url",
    "uid_of",
]


def base_url(request: HttpRequest | None = None, given: str | None = None) -> str:
    """Scheme and host for links: as given, as configured, of the Site, of the request.

    The request comes last, for its host is what the visitor says it is (within
    ALLOWED_HOSTS). Raises ImproperlyConfigured when nothing says it.
    """
    for configured in (given, conf.setting("BASE_URL")):
        if configured:
            return str(configured).rstrip("/")
    scheme = "https" if request is None or request.is_secure() else "http"
    if apps.is_installed("django.contrib.sites"):
        from django.contrib.sites.models import Site

        return f"{scheme}://{Site.objects.get_current(request).domain}"
    if request is not None:
        return f"{scheme}://{request.get_host()}"
    raise ImproperlyConfigured(
        "There is no address to put before the links of a mail: no MAILPLUS['BASE_URL'], "
        "no django.contrib.sites, no request. Set MAILPLUS['BASE_URL'] to something like "
        "'https://shop.example.com'."
    )


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


def absolute_url(base: str, path: str, next_url: str | None = None) -> str:
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return f"{base}{path}{query}"


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
        users = users.select_for_update()
    try:
        key = model._meta.pk.to_python(urlsafe_base64_decode(uidb64).decode())
        return users.get(pk=key)
    except (
        TypeError,
        ValueError,  # bad base64 and UTF-8, a NUL for PostgreSQL
        OverflowError,
        ValidationError,
        model.DoesNotExist,
    ):
        return None
