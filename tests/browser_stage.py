"""A site with strict headers, and pages of a real browser that looks at it."""

from __future__ import annotations

import pytest

__all__ = ["SIZES", "fits", "new_page", "site"]

STRICT = (
    "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


def strict_policy(get_response):
    def middleware(request):
        response = get_response(request)
        response.headers["Content-Security-Policy"] = STRICT
        return response

    return middleware


@pytest.fixture
def site(live_server, settings):
    """A site with the strictest headers; the address of a running server."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "browser_stage.strict_policy"]
    settings.SESSION_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = "Strict"
    settings.MAILPLUS = {"BASE_URL": live_server.url}
    return live_server.url


@pytest.fixture
def new_page(chromium, site):
    """Opens a page; what the browser complains about fails the test at its end."""
    contexts, complaints = [], []

    def open_page(size="desktop", **options):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on(
            "console",
            lambda told: complaints.append(told.text) if told.type == "error" else None,
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    # Of a link that is gone, and of an icon that this site does not have.
    assert [c for c in complaints if "410" not in c and "404" not in c] == []


def fits(page):
    return page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
