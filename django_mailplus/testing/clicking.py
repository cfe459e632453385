"""Links of a mail followed by Django's test client, if they lead to the project itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.http.request import validate_host

from django_mailplus import conf
from django_mailplus.pages.links import current_site

if TYPE_CHECKING:
    from django.test import Client

__all__ = ["follow", "post_one_click"]

_ONE_CLICK = "List-Unsubscribe=One-Click"


def follow(client: Client, url: str, *, follow_redirects: bool) -> Any:
    """What GET answers, at the place where the redirects end."""
    __tracebackhide__ = True
    path, server = _target(url)
    return client.get(path, follow=follow_redirects, **server)


def post_one_click(client: Client, headers: Mapping[str, str], mail: str) -> Any:
    """RFC 8058 section 3.2: a POST of one field, without cookies, and no redirect."""
    __tracebackhide__ = True
    links = re.findall(r"<(https?://[^>]+)>", headers.get("List-Unsubscribe", ""))
    if not links or headers.get("List-Unsubscribe-Post") != _ONE_CLICK:
        raise AssertionError(
            f"{mail} cannot be unsubscribed with one click: it needs the headers "
            f"List-Unsubscribe with an https link and List-Unsubscribe-Post: {_ONE_CLICK}. "
            f"List-Unsubscribe is {headers.get('List-Unsubscribe')!r}, "
            f"List-Unsubscribe-Post is {headers.get('List-Unsubscribe-Post')!r}."
        )
    path, server = _target(links[0])
    # A mail provider has no token of ours.
    provider = type(client)(enforce_csrf_checks=True)
    form = "application/x-www-form-urlencoded"
    return provider.post(path, _ONE_CLICK, content_type=form, **server)


def _target(url: str) -> tuple[str, dict[str, Any]]:
    """The path for the test client, and how the server was reached.

    A host that the links of the project have, and ALLOWED_HOSTS while testing lacks,
    becomes the client's own.
    """
    __tracebackhide__ = True
    parts = urlsplit(url)
    host = parts.hostname or ""
    served = [allowed for allowed in settings.ALLOWED_HOSTS if allowed != "*"]
    own = _own_hosts()
    anywhere = "*" in settings.ALLOWED_HOSTS and not own
    if not anywhere and not validate_host(host, [*served, *own]):
        known = ", ".join(sorted({*served, *own}))
        raise AssertionError(
            f"The link {url} leads to {host!r}, and not to this project ({known}). Set "
            "MAILPLUS['BASE_URL'] to where the links of its mails begin, or add the host to "
            "ALLOWED_HOSTS."
        )
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    server: dict[str, Any] = {"secure": parts.scheme == "https"}
    if validate_host(host, settings.ALLOWED_HOSTS):
        server |= {"SERVER_NAME": host, "SERVER_PORT": str(_port(parts))}
    return path, server


def _own_hosts() -> list[str]:
    """What the project puts before its links."""
    base = urlsplit(str(conf.setting("BASE_URL") or "")).hostname
    site = current_site(None)
    domain = urlsplit(f"//{site.domain}").hostname if site is not None else None
    return [host for host in (base, domain) if host]


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)
