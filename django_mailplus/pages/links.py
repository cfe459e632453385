"""Absolute addresses for mails: with the scheme and the host that the project has."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import get_script_prefix

from django_mailplus import conf

__all__ = ["absolute_url", "base_url", "begins_links", "current_site"]


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


def absolute_url(base: str, path: str, next_url: str | None = None) -> str:
    """The path is one of `reverse()`, which in a request begins with what the server is
    mounted at; a base that ends with that has it already.
    """
    mounted = get_script_prefix().rstrip("/")
    if mounted and urlsplit(base).path == mounted:
        path = path.removeprefix(mounted)
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return f"{base}{path}{query}"
