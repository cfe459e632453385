"""The same tests with other user models and on other databases, each in a process of its own."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = [
    f"test_{name}.py"
    for name in [
        "any_input",
        "change",
        "codes",
        "cycle",
        "public",
        "races",
        "throttle",
        "tokens",
    ]
]
DATABASES = {"postgresql": ("psycopg", 5432), "mysql": ("pymysql", 3306)}


def run(*files, **environment):
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(str(HERE / file) for file in files),
        ],
        cwd=HERE.parent.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-5_000:] + finished.stderr[-2_000:]
    return finished.stdout


@pytest.mark.parametrize("model", ["UUIDUser", "NicknameUser"])
def test_another_user_model(model):
    files = ["test_cycle.py"] + ["test_stores.py"] * (model == "UUIDUser")
    assert " passed" in run(*files, MAILPLUS_TEST_USER=model)


def test_with_sites():
    assert "2 passed" in run("test_site.py", MAILPLUS_TEST_APP="django.contrib.sites")


def absence(driver, port):
    """Why a database cannot be used here; empty if it can."""
    try:
        importlib.import_module(driver)
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (ImportError, OSError) as error:
        return f"{driver}, port {port}: {error}"
    return ""


@pytest.mark.timeout(300)
def test_sqlite_in_a_file(tmp_path):
    output = run(
        "test_races.py",
        MAILPLUS_TEST_DATABASE="file",
        MAILPLUS_TEST_FILE=str(tmp_path / "test.sqlite3"),
    )
    assert ", 1 skipped" in output  # a transaction of the project's own making


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", DATABASES)
def test_another_database(database):
    if reason := absence(*DATABASES[database]):
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    assert " skipped" not in run(*FILES, MAILPLUS_TEST_DATABASE=database)
