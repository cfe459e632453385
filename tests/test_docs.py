"""README and docs say what is true: their code runs, their links lead somewhere.

Every Python block follows a comment that says what the test does with it:
`<!-- test: settings [NAME=value ...] -->` a settings file that passes the checks,
`<!-- test: run -->` code that runs against a real mail server, block after block,
`<!-- test: file PATH -->` a file of the tutorial's project (`append` adds to it),
`<!-- test: shell OUTPUT -->` code for the shell of that project, at the end, and what it prints,
`<!-- test: skip REASON -->`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import load_command_class
from django.dispatch import Signal
from django.test import RequestFactory

from django_mailplus import signals
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer
from django_mailplus.verification import signals as verification_signals
from django_mailplus.viewer import view

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
COMMANDS = ("sendtestemail", "runmailserver", "importverifiedemails", "prunemail")
BLOCK = re.compile(
    r"(?:<!-- test: (?P<how>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```",
    re.M | re.S,
)
PRELUDE = """
import django.core.mail as _mail
SECRET_KEY = "of the test alone"
DEFAULT_FROM_EMAIL = "shop@example.com"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django_mailplus",
]
MIDDLEWARE = ["django.contrib.auth.middleware.AuthenticationMiddleware"]
USE_TZ = True
"""
AFTERWORD = """
INSTALLED_APPS = [*dict.fromkeys(INSTALLED_APPS)]
if "MAILERS" in globals() and not hasattr(_mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    line: int
    language: str
    how: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            yield Block(
                page=page,
                line=text.count("\n", 0, match.start("language")) + 1,
                language=match["language"],
                how=match["how"] or "",
                code=textwrap.dedent(match["code"]),
            )


BLOCKS = list(_blocks())
PYTHON = [block for block in BLOCKS if block.language == "python"]


def _of(kind: str) -> list[Block]:
    return [block for block in PYTHON if block.how.split(" ")[0] == kind]


def _python(
    *arguments: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


# --- Code blocks -----------------------------------------------------------------------


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_every_python_block_says_how_it_is_tested(block: Block) -> None:
    kind, _, rest = block.how.partition(" ")
    assert kind in {"settings", "run", "file", "shell", "skip"}
    assert rest or kind not in {"file", "shell", "skip"}
    compile(block.code, block.name, "exec")


def test_blocks_that_are_not_run_stay_few() -> None:
    assert len(_of("skip")) <= 4


@pytest.mark.parametrize("block", _of("settings"), ids=lambda block: block.name)
def test_settings_blocks_pass_the_system_checks(block: Block, tmp_path: Path) -> None:
    words = shlex.split(block.how)[1:]
    environment = dict(word.split("=", 1) for word in words if "=" in word)
    (tmp_path / "block_settings.py").write_text(PRELUDE + block.code + AFTERWORD)
    warnings = [] if "deprecated" in words else ["-W", "error"]
    check = _python(
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
        with_mailers({"default": mailer, "newsletter": mailer})
        yield mails


def _run(page: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module made of the code of a page."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for block in (block for block in _of("run") if block.page == page):
        exec(compile(block.code, block.name, "exec"), module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' receivers hear of nothing once the test is over."""
    for module in (signals, verification_signals):
        for signal in vars(module).values():
            if isinstance(signal, Signal):
                monkeypatch.setattr(signal, "receivers", list(signal.receivers))


@pytest.mark.usefixtures("receivers")
@pytest.mark.parametrize(
    "page",
    sorted({block.page for block in _of("run")}),
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
        for block in _of("run")
        if block.page == page
    )
    assert bool(received) == sends


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


SIGN_UP = """
from django.test import Client
page = Client(SERVER_NAME="localhost").get("/contact/")
assert page.status_code == 200, page.status_code
form = {"name": "Ann", "email": "ann@example.com", "text": "Hello"}
answer = Client(SERVER_NAME="localhost").post("/contact/", form)
assert answer.status_code == 302, answer.content

ann = Client(SERVER_NAME="localhost")
assert ann.get("/sign-up/").status_code == 200
password = "ragged-onion-71"
form = {
    "username": "ann", "email": "ann@example.com",
    "password1": password, "password2": password,
}
answer = ann.post("/sign-up/", form, follow=True)
assert b"Check your mail" in answer.content, answer.content
answer = ann.get("/members/", follow=True)
assert b"Check your mail" in answer.content, answer.content
print(ann.cookies["sessionid"].value)
"""
VERIFY = """
import re
from django.test import Client
ann = Client(SERVER_NAME="localhost")
ann.cookies["sessionid"] = session
question = ann.get(link).content.decode()
form_token = re.search('name="form_token" value="([^"]+)"', question)[1]
assert b"Check your mail" in ann.get("/members/", follow=True).content
answer = ann.post(link, {"form_token": form_token}, follow=True)
assert b"Thank you" in answer.content, answer.content
assert b"Welcome, ann." in ann.get("/members/").content
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project of the tutorial, in a folder, sending to the server of the test."""

    folder: Path

    def manage(self, *arguments: str) -> str:
        ran = _python(
            *("-W", "error", "manage.py", *arguments),
            folder=self.folder,
            DJANGO_SETTINGS_MODULE="shop.settings",
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def shell(self, code: str) -> str:
        """What the code prints; a line about automatic imports comes before it."""
        lines = self.manage("shell", "--verbosity", "0", "-c", code).split()
        return lines[-1] if lines else ""

    def write(self, block: Block, port: int) -> None:
        _, name, *append = block.how.split(" ")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if append else ""
        code = block.code.replace("8025", str(port))
        path.write_text(f"{before}\n{code}" if before else code)


def test_the_tutorial_builds_a_project_that_sends_and_verifies(tmp_path: Path) -> None:
    for command in ("startproject shop .", "startapp contact", "startapp members"):
        made = _python("-m", "django", *command.split(), folder=tmp_path)
        assert made.returncode == 0, made.stderr
    project = Project(folder=tmp_path)
    mails: list[ReceivedMail] = []
    with MailServer(
        "127.0.0.1", 0, on_message=mails.append, fail={"nobody@example.com": 550}
    ) as server:
        for block in (b for b in BLOCKS if b.how.startswith("file ")):
            project.write(block, server.port)
        project.manage("check", "--fail-level", "WARNING")
        project.manage("migrate")
        session = project.shell(SIGN_UP)
        project.manage("sendtestemail", "ann@example.com")
        form_mail, link_mail, test_mail = mails
        link = re.search(r"http://127.0.0.1:8000(/verify/\S+)", _text(link_mail))
        assert link is not None
        project.shell(f"link, session = {link[1]!r}, {session!r}\n{VERIFY}")
        for block in _of("shell"):
            assert project.shell(block.code) == block.how.split(" ")[1]
    assert b"Reply-To: ann@example.com" in form_mail.raw
    assert test_mail.rcpt_to == ("ann@example.com",)


def _text(received: ReceivedMail) -> str:
    return view(received.raw).text


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
