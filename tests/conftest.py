"""Fixtures that choose how a project configures its mail, and a server to send to."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser_stage import new_page, site  # noqa: F401 (fixtures)
from django.conf import settings as django_settings
from django.test import override_settings
from scripted_server import ScriptedServer

from django_mailplus import compat

# The job of a shell in the background ignores it, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DEFAULT = "django_mailplus.backends.default.EmailBackend"


@contextlib.contextmanager
def using_mailers(mailers: Any, **values: Any) -> Iterator[None]:
    """A project with MAILERS, as each Django wants it, and other settings."""
    extra = values if compat.NATIVE else {"EMAIL_BACKEND": DEFAULT, **values}
    with override_settings(MAILERS=mailers, **extra):
        yield


@contextlib.contextmanager
def using_email_settings(**values: Any) -> Iterator[None]:
    """A project without MAILERS; EMAIL_ settings as given."""
    with warnings.catch_warnings(), override_settings():
        # Django 6.1 warns whoever sets these, which here is the test.
        warnings.filterwarnings(
            "ignore", message=r"The EMAIL_\w+ setting is deprecated"
        )
        del django_settings.MAILERS
        for name, value in values.items():
            setattr(django_settings, name, value)
        yield


@pytest.fixture
def with_mailers() -> Iterator[Callable[..., None]]:
    """Call it with MAILERS, and other settings, for the rest of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda mailers, **values: stack.enter_context(
            using_mailers(mailers, **values)
        )


@pytest.fixture
def with_email_settings() -> Iterator[Callable[..., None]]:
    """Call it with EMAIL_ settings for the rest of the test; there are no MAILERS then."""
    with contextlib.ExitStack() as stack:
        yield lambda **values: stack.enter_context(using_email_settings(**values))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A mail server that accepts everything until its `replies` are changed."""
    with ScriptedServer() as server:
        yield server


QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser. Playwright keeps an event loop in this thread, in which nothing runs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    if (path := shutil.which("chromium")) is None:
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail("The browser tests need chromium.")
        pytest.skip("no chromium")
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as driver:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = driver.chromium.launch(
            executable_path=path, args=QUIET, chromium_sandbox=False
        )
        yield browser
        browser.close()
