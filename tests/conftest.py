"""Fixtures that choose how a project configures its mail, and a server to send to."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from browser_stage import new_page, site  # noqa: F401 (fixtures)
from checks_stage import our_findings
from django.conf import settings as django_settings
from django.db import connections
from django.test import override_settings
from hypothesis import settings
from scripted_server import ScriptedServer

from django_mailplus.testing import override_mailers

# Where the package is installed its entry point has loaded it, under the same name.
pytest_plugins = ["django_mailplus.pytest_plugin", "pytester"]

# The job of a shell in the background ignores it, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fails on a clock, where hypothesis gives an example 200 ms, nor by chance: its
# examples are the same in every run, unless a number of other ones is asked for.
_EXAMPLES = os.environ.get("MAILPLUS_EXAMPLES")
settings.register_profile(
    "ours",
    deadline=None,
    derandomize=_EXAMPLES is None,
    max_examples=int(_EXAMPLES or 100),
)
settings.load_profile("ours")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """An order of its own for each run, but where MAILPLUS_TEST_SEED asks for one."""
    if seed := os.environ.get("MAILPLUS_TEST_SEED"):
        config.option.randomly_seed = int(seed)


@contextlib.contextmanager
def using_mailers(mailers: Any, **values: Any) -> Iterator[None]:
    """A project with MAILERS, and other settings."""
    with override_mailers(mailers), override_settings(**values):
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


@pytest.fixture
def findings(with_mailers):
    """The findings about one MAILERS setting, as (id, text, hint)."""

    def findings(mailers, *, deploy=False, **values):
        with_mailers(mailers, **values)
        return our_findings(deploy=deploy)

    return findings


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request, tmp_path_factory, django_db_modify_db_settings_parallel_suffix
):
    """For the tests in a browser SQLite is in a file, and not in memory.

    There each thread of the live server has a connection, and so transactions, of its own.
    """
    database = django_settings.DATABASES["default"]
    if (
        find_spec("playwright")
        and any("live_server" in item.fixturenames for item in request.session.items)
        and database["ENGINE"].endswith("sqlite3")
    ):
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        database["TEST"]["NAME"] = str(file)
        # As the documentation of Django has it for sites with several writers.
        database["OPTIONS"] = {"timeout": 30, "transaction_mode": "IMMEDIATE"}


@pytest.fixture(scope="session")
def live_server(django_db_setup, live_server):
    """The usual one, which shares a connection among its threads where SQLite is in memory.

    So it is made when the database is, and sees that it is not.
    """
    return live_server


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
        connections.close_all()  # made for this loop, and lost with it
