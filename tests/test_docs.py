"""README and docs say what is true: their code runs, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import load_command_class
from django.dispatch import Signal
from django.test import RequestFactory
from docs_stage import (
    AFTERWORD,
    BLOCKS,
    DOCS,
    PAGES,
    PRELUDE,
    PYTHON,
    ROOT,
    URLS,
    Block,
    of,
    python,
)

from django_mailplus import signals
from django_mailplus.compat import mailer_settings
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer
from django_mailplus.verification import signals as verification_signals

COMMANDS = (
    "sendtestemail",
    "runmailserver",
    "importmail",
    "importverifiedemails",
    "runmailworker",
    "mailqueue",
    "prunemail",
)
OUTBOX = DOCS / "howto" / "outbox.md"


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_every_python_block_says_how_it_is_tested(block: Block) -> None:
    kind, _, rest = block.how.partition(" ")
    assert kind in {"settings", "run", "file", "shell", "skip", "tests"}
    assert rest or kind not in {"file", "shell", "skip"}
    compile(block.code, block.name, "exec")


def test_blocks_that_are_not_run_stay_few() -> None:
    assert len(of("skip")) <= 6


@pytest.mark.parametrize("block", of("settings"), ids=lambda block: block.name)
def test_settings_blocks_pass_the_system_checks(block: Block, tmp_path: Path) -> None:
    words = shlex.split(block.how)[1:]
    environment = dict(word.split("=", 1) for word in words if "=" in word)
    (tmp_path / "block_settings.py").write_text(PRELUDE + block.code + AFTERWORD)
    (tmp_path / "block_urls.py").write_text(URLS)
    warnings = [] if "deprecated" in words else ["-W", "error"]
    check = python(
        *warnings,
        *("-m", "django", "check", "--tag", "mail", "--fail-level", "WARNING"),
        folder=tmp_path,
        DJANGO_SETTINGS_MODULE="block_settings",
        **environment,
    )
    assert check.returncode == 0, check.stderr


@pytest.fixture
def received(
    with_mailers: Callable[..., None],
) -> Iterator[list[ReceivedMail]]:
    """What the pages' code sends; nobody@example.com is refused, as in the texts."""
    mails: list[ReceivedMail] = []
    with MailServer(
        "127.0.0.1", 0, on_message=mails.append, fail={"nobody@example.com": 550}
    ) as server:
        mailer = {
            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": server.port},
        }
        shop = {
            "BASE_URL": "https://shop.example.com",
            "BULK_STREAMS": {"offers": "Offers"},
        }
        with_mailers({"default": mailer, "newsletter": mailer}, MAILPLUS=shop)
        yield mails


@pytest.fixture
def sent_later(
    with_mailers: Callable[..., None], received: list[ReceivedMail]
) -> list[ReceivedMail]:
    """The same with an outbox before that server, which is worked off at once."""
    smtp = mailer_settings()["default"]
    outbox = {
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {"using": "smtp", "dispatch": "inline"},
    }
    with_mailers({"default": outbox, "smtp": smtp})
    return received


@pytest.fixture
def templates(tmp_path: Path, settings: Any) -> None:
    """The templates of all pages; their names differ."""
    for block in BLOCKS:
        kind, _, name = block.how.partition(" ")
        if kind == "template":
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]


def _run(page: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module made of the code of a page."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for block in (block for block in of("run") if block.page == page):
        exec(compile(block.code, block.name, "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' receivers hear of nothing once the test is over."""
    for module in (signals, verification_signals):
        for signal in vars(module).values():
            if isinstance(signal, Signal):
                monkeypatch.setattr(signal, "receivers", list(signal.receivers))


@pytest.mark.usefixtures("db", "receivers", "templates")
@pytest.mark.parametrize(
    "page",
    sorted({block.page for block in of("run")} - {OUTBOX}),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: Path, received: list[ReceivedMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(page, monkeypatch)
    sends = any(
        any(
            call in block.code
            for call in (".send(", "send_mail(", "default.send_messages(")
        )
        for block in of("run")
        if block.page == page
    )
    assert bool(received) == sends


@pytest.mark.django_db(transaction=True)
def test_the_code_of_the_outbox_page_sends(
    sent_later: list[ReceivedMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order, a code, a newsletter and one reminder; tomorrow's mail waits."""
    _run(OUTBOX, monkeypatch)
    assert [mail.rcpt_to[0][:3] for mail in sent_later] == ["ann", "bob", "ann", "ann"]
    assert b"Tomorrow" not in b"".join(mail.raw for mail in sent_later)


@pytest.mark.django_db
def test_the_sign_up_of_the_guide_answers_a_taken_address_as_a_free_one(
    received: list[ReceivedMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _run(DOCS / "howto" / "verify-addresses.md", monkeypatch)
    form = {"email": "Ann@example.com", "password": "ragged-onion-71"}
    request = RequestFactory().post("/", form, SERVER_NAME="shop.example.com")
    free = page.sign_up(request)
    get_user_model().objects.create_user("bob@example.com", "bob@example.com")
    taken = page.sign_up(
        RequestFactory().post("/", {**form, "email": "bob@example.com"})
    )
    assert free.status_code == taken.status_code == 302
    assert len(free.url) == len(taken.url)
    assert [mail.rcpt_to for mail in received] == [
        ("ann@example.com",),
        ("bob@example.com",),
    ]
    assert b"/verify/" in received[0].raw
    assert b"have an account" in received[1].raw


@pytest.mark.django_db
@pytest.mark.usefixtures("receivers")
def test_the_name_follows_a_changed_address_as_the_guide_says(
    received: list[ReceivedMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _run(DOCS / "howto" / "change-of-address.md", monkeypatch)
    user = get_user_model().objects.create_user("a@example.com", "a@example.com")
    page.let_the_name_follow(None, user, "a@example.com", "b@example.com")
    user.refresh_from_db()
    assert user.get_username() == "b@example.com"
    assert not received


@pytest.mark.django_db
def test_accounts_that_wait_are_marked_as_the_guide_says(
    received: list[ReceivedMail],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    settings.MAILPLUS = {
        "BASE_URL": "https://shop.example.com",
        "VERIFICATION_STORE": "is_active",
    }
    user = get_user_model().objects.create_user(
        "ann", "ann@example.com", is_active=False
    )
    _run(DOCS / "howto" / "migrate-verification.md", monkeypatch).mark_those_who_wait()
    user.refresh_from_db()
    assert not user.is_active
    assert user.mailplus_addresses.get().activates_user
    assert len(received) == 1


def _command_lines() -> Iterator[tuple[str, str, list[str]]]:
    for block in BLOCKS:
        for line in block.code.splitlines():
            _, found, rest = line.partition("manage.py ")
            words = shlex.split(rest, comments=True) if found else []
            if (
                block.language in ("shell", "sh", "console")
                and words
                and words[0] in COMMANDS
            ):
                yield block.name, words[0], words[1:]


@pytest.mark.parametrize(("where", "command", "arguments"), list(_command_lines()))
def test_command_lines_in_the_docs_are_understood(
    where: str, command: str, arguments: list[str]
) -> None:
    found = load_command_class("django_mailplus", command)
    parser = found.create_parser("manage.py", command)
    assert vars(parser.parse_args(arguments)), where


def test_the_readme_begins_with_its_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    set_up = "python3 -m venv .venv && .venv/bin/pip install -e"
    run = f'{set_up} ".[demo]" && .venv/bin/python example_project/manage.py demo'
    test = f'{set_up} ".[test]" && .venv/bin/pytest'
    first_screen = lines[:42]
    assert run in first_screen
    assert test in first_screen


def test_links_between_pages_lead_to_files() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
