"""The fixtures of the test kit. Every run of pytest loads this: Django waits for a fixture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django_mailplus.testing import Mailbox, SentMail, SmtpServer

__all__ = ["mail_snapshot", "mailbox", "override_mailers", "smtp_server"]

_UPDATE = "--mail-snapshot-update"
_written = pytest.StashKey[list[str]]()
_used = pytest.StashKey[set[Path]]()
_collected = pytest.StashKey[dict[tuple[Path, str], set[str]]]()
_gone = pytest.StashKey[set[str]]()
_WORKER = "mailplus_snapshots"  # what a process of pytest-xdist tells at its end


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("mailplus").addoption(
        _UPDATE,
        action="store_true",
        help="write the mails that mail_snapshot compares, and name those no longer compared",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What earlier tests sent is gone before the first fixture sends a mail."""
    if "mailbox" in getattr(item, "fixturenames", ()):
        django_mail = sys.modules.get("django.core.mail")
        getattr(django_mail, "outbox", []).clear()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """What arrives in Django's test outbox: looked up at each call."""
    import django
    from django.apps import apps
    from django.test.utils import setup_test_environment, teardown_test_environment

    from django_mailplus.compat import tests_running
    from django_mailplus.testing import Mailbox

    if tests_running():  # pytest-django has seen to it
        yield Mailbox()
        return
    if not apps.ready:
        django.setup()
    setup_test_environment()
    yield Mailbox()
    teardown_test_environment()


@pytest.fixture
def override_mailers() -> Iterator[Callable[..., None]]:
    """Call it, with MAILERS or without, for the rest of the test."""
    from django_mailplus.testing import override_mailers

    with ExitStack() as stack:

        def override(mailers: Mapping[str, Any] | None = None) -> None:
            stack.enter_context(override_mailers(mailers))

        yield override


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    """A mail server on a port of its own, which fails as it is told to."""
    from django_mailplus.testing import SmtpServer

    with SmtpServer() as server:
        yield server


@pytest.fixture
def mail_snapshot(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Compare a mail with the file that was kept of it.

    `mail_snapshot(mail, name="", replace={})`: a second mail of a test needs a name, and
    `replace` says what stands in place of texts that change.
    """
    from django_mailplus.testing.snapshots import FOLDER, Snapshots

    node, config = request.node, request.config
    snapshots = Snapshots(
        folder=node.path.parent / FOLDER,
        name=_name(node),
        update=config.getoption(_UPDATE),
        update_with=f"pytest {_UPDATE}",
    )

    def check(
        mail: SentMail, *, name: str = "", replace: Mapping[str, str] | None = None
    ) -> None:
        __tracebackhide__ = True
        snapshots.check(mail, name, replace)

    yield check
    if snapshots.update:
        config.stash.setdefault(_used, set()).update(snapshots.used)
        config.stash.setdefault(_written, []).extend(map(str, snapshots.written))


def _name(item: Any) -> str:
    from django_mailplus.testing.snapshots import snapshot_name

    return snapshot_name(item.path.stem, *item.nodeid.split("::")[1:])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Before any is deselected: whose snapshots there may be, of the modules in this run."""
    partly = config.getoption("lf", False) or any("::" in arg for arg in config.args)
    if not config.getoption(_UPDATE) or partly:
        return
    collected = config.stash.setdefault(_collected, {})
    for item in items:
        collected.setdefault((item.path.parent, item.path.stem), set()).add(_name(item))


def _stale(config: pytest.Config) -> Iterator[str]:
    """Snapshots whose test is gone, or compares another."""
    from django_mailplus.testing.snapshots import FOLDER

    used = config.stash.get(_used, set())
    ran = {path.stem.partition("~")[0] for path in used}
    for (folder, module), names in config.stash.get(_collected, {}).items():
        for path in sorted((folder / FOLDER).glob(f"{module}.*.txt")):
            test = path.stem.partition("~")[0]
            if test not in names or (test in ran and path not in used):
                yield str(path)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if config.getoption(_UPDATE) and hasattr(config, "workeroutput"):
        config.workeroutput[_WORKER] = config.stash.get(_written, []), [*_stale(config)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process of pytest-xdist wrote; what is stale each of them has seen."""
    written, stale = getattr(node, "workeroutput", {}).get(_WORKER, ((), ()))
    node.config.stash.setdefault(_written, []).extend(written)
    node.config.stash.setdefault(_gone, set()).update(stale)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not config.getoption(_UPDATE):
        return
    written = config.stash.get(_written, [])
    stale = {*_stale(config), *config.stash.get(_gone, ())}
    lines = [f"written: {path}" for path in sorted(written)]
    lines += [f"of no test any more, delete it: {path}" for path in sorted(stale)]
    if lines:
        terminalreporter.section("mail snapshots")
        for line in lines:
            terminalreporter.line(line)
