"""README and docs say what is true: their code runs, their reference lists what there is.

Every Python block follows a comment that says what the test does with it:
`<!-- test: settings [NAME=value ...] -->` a settings file that passes the checks,
`<!-- test: run -->` code that runs against a real mail server, block after block,
`<!-- test: file PATH -->` a file of the tutorial's project (`append` adds to it),
`<!-- test: skip REASON -->`.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

import django_mailplus
from django_mailplus import conf, signals
from django_mailplus.backends.base import RouterBackend, WrapperBackend
from django_mailplus.backends.smtp import EmailBackend as SMTPBackend
from django_mailplus.compat import EMAIL_SETTING_OF_OPTION
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
COMMANDS = ("sendtestemail", "runmailserver")
INTERNAL = re.compile(
    r"django_mailplus\.(smtp|management|checks|doctor\.report"
    r"|mailserver\.(certificates|printing|protocol|refusals|saving))\b"
)
BLOCK = re.compile(
    r"(?:<!-- test: (?P<how>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```",
    re.M | re.S,
)
PRELUDE = """
import django.core.mail as _mail
SECRET_KEY = "of the test alone"
DEFAULT_FROM_EMAIL = "shop@example.com"
INSTALLED_APPS = ["django_mailplus"]
USE_TZ = True
"""
AFTERWORD = """
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
                code=match["code"],
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
    assert kind in {"settings", "run", "file", "skip"}
    assert rest or kind not in {"file", "skip"}
    compile(block.code, block.name, "exec")


def test_blocks_that_are_not_run_stay_few() -> None:
    assert len(_of("skip")) <= 2


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


@pytest.mark.parametrize(
    "page",
    sorted({block.page for block in _of("run")}),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: Path, received: list[ReceivedMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    blocks = [block for block in _of("run") if block.page == page]
    for block in blocks:
        exec(compile(block.code, block.name, "exec"), module.__dict__)  # noqa: S102
    sends = any(
        ".send(" in block.code or "send_mail(" in block.code for block in blocks
    )
    assert bool(received) == sends


def test_the_tutorial_builds_a_project_that_sends_the_contact_form(
    tmp_path: Path,
) -> None:
    for command in (["startproject", "shop", "."], ["startapp", "contact"]):
        made = _python("-m", "django", *command, folder=tmp_path)
        assert made.returncode == 0, made.stderr
    mails: list[ReceivedMail] = []
    with MailServer(
        "127.0.0.1", 0, on_message=mails.append, fail={"nobody@example.com": 550}
    ) as server:
        for block in (b for b in BLOCKS if b.how.startswith("file ")):
            _, name, *append = block.how.split(" ")
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text() if append else ""
            code = block.code.replace("8025", str(server.port))
            path.write_text(f"{before}\n{code}" if before else code)
        walk = (
            "from django.test import Client\n"
            "page = Client(SERVER_NAME='localhost').get('/contact/')\n"
            "assert page.status_code == 200, page.status_code\n"
            "form = {'name': 'Ann', 'email': 'ann@example.com', 'text': 'Hello'}\n"
            "answer = Client(SERVER_NAME='localhost').post('/contact/', form)\n"
            "assert answer.status_code == 302, answer.content\n"
        )
        for arguments in (
            ["check", "--fail-level", "WARNING"],
            ["shell", "-c", walk],
            ["sendtestemail", "ann@example.com"],
        ):
            ran = _python(
                *("-W", "error", "manage.py", *arguments),
                folder=tmp_path,
                DJANGO_SETTINGS_MODULE="shop.settings",
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
    form_mail, test_mail = mails
    assert b"Reply-To: ann@example.com" in form_mail.raw
    assert test_mail.rcpt_to == ("ann@example.com",)


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
    parser = _command(command).create_parser("manage.py", command)
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


# --- The reference against the code, both ways --------------------------------------------


def _table(page: str, heading: str | None = None) -> set[str]:
    """The names in the first column of the tables under a heading, or on the whole page."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    if heading is not None:
        text = re.split(rf"^## {re.escape(heading)}$", text, flags=re.M)[1]
        text = re.split(r"^## ", text, flags=re.M)[0]
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def _command(name: str) -> BaseCommand:
    return load_command_class("django_mailplus", name)


def _constructor(*classes: type) -> set[str]:
    """Named parameters that a settings file may give, without those Django fills in."""
    return {
        name
        for cls in classes
        for base in cls.__mro__[:-1]
        if "__init__" in vars(base) and base.__name__ != "BaseEmailBackend"
        for name, parameter in inspect.signature(
            vars(base)["__init__"]
        ).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and name not in ("self", "alias", "_ignore_unknown_kwargs")
    }


def test_the_options_of_smtp_are_in_the_reference() -> None:
    assert _table("mailers-and-options.md", "SMTP") == _constructor(SMTPBackend)


def test_the_options_of_wrappers_and_routers_are_in_the_reference() -> None:
    documented = _table("mailers-and-options.md", "Wrappers and routers")
    assert documented == _constructor(WrapperBackend, RouterBackend)


def test_the_email_settings_of_the_options_are_in_the_reference() -> None:
    text = (REFERENCE / "mailers-and-options.md").read_text(encoding="utf-8")
    pairs = re.findall(r"^\| `(\w+)` \| `(EMAIL_\w+)` \|$", text, re.M)
    assert dict(pairs) == dict(EMAIL_SETTING_OF_OPTION)


def test_the_keys_of_mailplus_are_in_the_reference_with_type_and_default() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `([^`]*)` \|", text, re.M)
    assert {row[0]: row[1:] for row in rows} == {
        name: (key.type.__name__, str(key.default)) for name, key in conf.KEYS.items()
    }


def test_every_command_has_its_section_and_no_other_is_documented() -> None:
    folder = ROOT / "django_mailplus" / "management" / "commands"
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    there = {path.stem for path in folder.glob("[a-z]*.py")}
    assert set(re.findall(r"^## (\w+)$", text, re.M)) == there == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_of_a_command_is_in_the_reference(name: str) -> None:
    def arguments(command: BaseCommand) -> set[str]:
        parser = command.create_parser("manage.py", name)
        return {
            action.option_strings[-1] if action.option_strings else action.dest
            for action in parser._actions
        }

    common = arguments(BaseCommand())
    assert _table("commands.md", name) == arguments(_command(name)) - common


def test_every_check_id_is_in_the_reference_and_no_other() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "django_mailplus").rglob("*.py")
    )
    used = set(re.findall(r'"(mailplus\.[EW]\d{3})"', source))
    assert _table("checks.md") == used
    assert len(used) > 15


def test_every_signal_is_in_the_reference() -> None:
    assert _table("signals.md") == set(signals.__all__)


def _public() -> dict[str, set[str]]:
    found = {}
    for module in pkgutil.walk_packages(django_mailplus.__path__, "django_mailplus."):
        if not INTERNAL.match(module.name):
            names = getattr(importlib.import_module(module.name), "__all__", ())
            if names:
                found[module.name] = set(names)
    return found


def test_every_public_name_is_in_the_reference_and_no_other() -> None:
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## ([\w.]+)$", text, re.M)
    assert {name: _table("api.md", name) for name in headings} == _public()


def test_the_catalogue_page_is_made_from_the_catalogue() -> None:
    path = ROOT / "django_mailplus" / "doctor" / "failures.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["failure"]
    spec = importlib.util.spec_from_file_location("docs_conf", DOCS / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    docs_conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs_conf)
    assert re.findall(r"^## ([\w-]+)$", docs_conf.failures(), re.M) == [
        row["id"] for row in rows
    ]


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version = project["project"]["version"]
    changelog = (DOCS / "changelog.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.M)
    assert newest is not None
    assert newest[1] == version == django_mailplus.__version__
    assert f"version {version}," in (DOCS / "index.md").read_text(encoding="utf-8")
