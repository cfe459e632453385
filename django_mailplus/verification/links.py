"""Addresses of pages: absolute for mails, safe for redirects, signed for a visitor."""

from __future__ import annotations

import re
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
    "begins_links",
    "current_site",
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
    if given and not begins_links(given):
        raise ValueError(
            f"base_url={given!r} is no address to begin a link with. Write scheme and host, "
            "such as 'https://shop.example.com'."
        )
    for configured in (given, conf.setting("BASE_URL")):
        if configured:
            return str(configured).rstrip("/")
    scheme = "https" if request is None or request.is_secure() else "http"
    if (site := current_site(request)) is not None:
        return f"{scheme}://{site.domain}"
    if request is not None:
        return f"{scheme}://{request.get_host()}"
    raise ImproperlyConfigured(
        "There is no address to put before the links of a mail: no MAILPLUS['BASE_URL'], "
        "no Site of this project, no request. Set MAILPLUS['BASE_URL'] to something like "
        "'https://shop.example.com'."
    )


def begins_links(base: str) -> bool:
    """Whether a link is good that begins so: scheme, host, perhaps a path, no more."""
    try:
        parts = urlsplit(base)
        parts.port  # noqa: B018 (raises for one that is none)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not re.search(r"[\s?#@\\]", base)
    )


def current_site(request: HttpRequest | None) -> Any:
    """The `Site`, or None: no sites framework, or none that SITE_ID or the host names."""
    if not apps.is_installed("django.contrib.sites"):
        return None
    from django.contrib.sites.models import Site

    try:
        return Site.objects.get_current(request)
    except (ImproperlyConfigured, Site.DoesNotExist):
        return None


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
