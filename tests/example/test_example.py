"""The example project as a newcomer meets it: its commands, in processes of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "example_project"
PYTHON = [sys.executable, "-W", "error"]
TIMEOUT = 500  # seconds; a hanging process is a failure, not a wait


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No variable that the settings read, and a database that is gone afterwards."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG")
        if name in os.environ
    }
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'example.sqlite3'}",
    }


def run(
    *arguments: str, environment: dict[str, str], cwd: Path = EXAMPLE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def found(pattern: str, text: str) -> str:
    """What the group of the pattern matches; the text must match."""
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def files() -> list[Path]:
    """Of the example, but for what other interpreters compile beside us."""
    return [
        path for path in sorted(EXAMPLE.rglob("*")) if "__pycache__" not in str(path)
    ]


def test_its_own_tests_pass(environment: dict[str, str]) -> None:
    done = run("manage.py", "test", environment=environment)
    assert done.returncode == 0, done.stderr
    assert int(found(r"Ran (\d+) tests", done.stderr)) > 40


def test_the_system_check_finds_nothing(environment: dict[str, str]) -> None:
    done = run("manage.py", "check", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


SETUPS = [path.stem for path in sorted((EXAMPLE / "config/setups").glob("[a-z]*.py"))]


@pytest.mark.parametrize("name", SETUPS)
def test_every_setup_is_sound(environment: dict[str, str], name: str) -> None:
    module = f"config.setups.{name}"
    done = run("manage.py", "check", f"--settings={module}", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    path = EXAMPLE / "website/walkthrough/setups.py"
    assert f'set_up("{name}", walk)' in path.read_text("utf-8")  # and is walked through


def test_no_migration_is_missing(environment: dict[str, str]) -> None:
    done = run("manage.py", "makemigrations", "--check", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_walk_through_the_site_passes_and_leaves_nothing_behind(
    environment: dict[str, str],
) -> None:
    before = files()
    done = run("manage.py", "demo", "--check", environment=environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    *steps, summary = done.stdout.splitlines()
    assert "ok  contact form: 1 mail to managers, Reply-To visitor@example.com" in steps
    assert all(line.startswith("ok  ") for line in steps)
    assert re.fullmatch(
        rf"All {len(steps)} steps passed, \d+ mails received\.", summary
    )
    assert files() == before
    assert not Path(environment["DATABASE_URL"].removeprefix("sqlite:///")).exists()


def test_the_walk_knows_the_usual_settings_alone(environment: dict[str, str]) -> None:
    module = "--settings=config.setups.staging"
    done = run("manage.py", "demo", "--check", module, environment=environment)
    assert done.returncode == 1
    assert "Leave out --settings, or leave out --check" in done.stderr


# --- The running demo ------------------------------------------------------------------------


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PYTHON, "manage.py", "demo", "--port", "0", "--mail-port", "0"],
        env=environment,
        cwd=EXAMPLE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_serves_the_site_and_stops_cleanly(
    demo: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert demo.stdout
    assert demo.stderr
    printed = ""
    while "Ctrl-C" not in printed:
        line = demo.stdout.readline()
        assert line, demo.stderr.read()
        printed += line
    url = found(r"Open (http://127\.0\.0\.1:\d+)", printed)
    ports = [
        found(r"0\.1:(\d+)", url),
        found(r"listens on 127\.0\.0\.1:(\d+)", printed),
    ]
    with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT) as response:
        assert b"django-mailplus" in response.read()

    demo.send_signal(number)
    output, errors = demo.communicate(timeout=TIMEOUT)
    assert (demo.returncode, errors) == (0, "")
    assert "Stopped." in output
    for port in map(int, ports):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("option", ["--port", "--mail-port"])
def test_a_port_in_use_that_was_asked_for_is_one_clear_line(
    option: str, environment: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("manage.py", "demo", option, port, environment=environment)
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: ")
    assert port in done.stderr
    assert len(done.stderr.splitlines()) == 1


# --- Settings from the environment -----------------------------------------------------------

SHOW_MAILERS = (
    "import django; django.setup();"
    "from django.conf import settings;"
    "print(settings.MAILERS['default'], settings.SECRET_KEY)"
)


def settings_of(
    environment: dict[str, str], cwd: Path = EXAMPLE
) -> subprocess.CompletedProcess[str]:
    environment = environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    return run("-c", SHOW_MAILERS, environment=environment, cwd=cwd)


def test_without_debug_there_is_no_default_secret_key(
    environment: dict[str, str],
) -> None:
    done = settings_of(environment | {"DEBUG": "False"})
    assert done.returncode == 1
    assert "Set the SECRET_KEY environment variable" in done.stderr
    done = settings_of(environment | {"DEBUG": "False", "SECRET_KEY": "of-my-own"})
    assert done.returncode == 0
    assert "of-my-own" in done.stdout


def test_a_file_named_env_beside_manage_py_is_read(
    environment: dict[str, str], tmp_path: Path
) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "copy")
    (copy / ".env").write_text("MAILERS_DEFAULT_URL=console://\n")
    done = settings_of(environment, copy)
    assert done.returncode == 0, done.stderr
    assert "console.EmailBackend" in done.stdout


URLS = re.findall(
    r"^#(MAILERS_DEFAULT_URL=.*)$", (EXAMPLE / ".env.example").read_text(), re.M
)


def test_the_example_of_an_env_file_shows_three_ways() -> None:
    names = "smtp.gmail.com", "smtp.example.com", "console"
    assert [name in url for name, url in zip(names, URLS, strict=True)] == [True] * 3


@pytest.mark.parametrize("line", URLS)
def test_every_way_in_the_example_of_an_env_file_is_valid(
    line: str, environment: dict[str, str], tmp_path: Path
) -> None:
    copy = shutil.copytree(EXAMPLE, tmp_path / "copy")
    text = (EXAMPLE / ".env.example").read_text()
    (copy / ".env").write_text(text.replace(f"#{line}", line))
    done = run("manage.py", "check", environment=environment, cwd=copy)
    assert (done.returncode, done.stderr) == (0, "")
    scheme = found("=([a-z]+)", line)
    assert f".{scheme}.EmailBackend" in settings_of(environment, copy).stdout
