"""A site with strict headers, and pages of a real browser that looks at it."""

from __future__ import annotations

import threading

import pytest

__all__ = ["FRAMES_AND_IMAGES", "SIZES", "STRICT", "fits", "log_in", "new_page", "site"]

STRICT = (
    "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
FRAMES_AND_IMAGES = "; img-src 'self'; frame-src 'self'"
"""What the policy has to allow besides for pages in Django's admin."""
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


@pytest.fixture
def site(live_server, settings, monkeypatch):
    """A site with the strictest headers; the address of a running server."""
    # The server holds a request for news so long, also when the browser is gone.
    monkeypatch.setattr("django_mailplus.inbox.listing._PATIENCE", 1)
    settings.PAGE_POLICY = STRICT
    settings.SESSION_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = "Strict"
    settings.MAILPLUS = {"BASE_URL": live_server.url}
    return live_server.url


@pytest.fixture
def new_page(chromium, site):
    """Opens a page; `page.asked` is all that its context asked for.

    What the browser complains about fails the test at its end, but for a page with
    something in it that is to be complained about.
    """
    contexts, complaints = [], []

    def open_page(size="desktop", *, hostile=False, **options):
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height}, base_url=site, **options
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        context.on("request", lambda request: page.asked.append(request.url))
        if not hostile:
            page.on(
                "console",
                lambda told: (
                    complaints.append(told.text) if told.type == "error" else None
                ),
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    _hear_out_the_server()
    # Of a link that is gone, and of an icon that this site does not have.
    left = [c for c in complaints if "410" not in c and "404" not in c]
    assert not left, left


def _hear_out_the_server():
    """Nothing that a test has asked for is still to happen in the next one.

    Each connection has a thread, which ends as soon as the browser has closed it.
    """
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(10)
            assert not thread.is_alive()


def log_in(page, client, site):
    """The page is of whoever the client of the test is."""
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": site}])


def fits(page):
    return page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
