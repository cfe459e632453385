"""The same tests with other user models and on other databases, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from services import DATABASES, require_database

HERE = Path(__file__).parent
FILES = [
    *(
        f"verification/test_{name}.py"
        for name in [
            "any_input",
            "change",
            "codes",
            "cycle",
            "deadlocks",
            "public",
            "races",
            "throttle",
            "tokens",
        ]
    ),
    "inbox/test_catching.py",
    *(f"previews/test_{name}.py" for name in ["databases", "finding", "isolation"]),
]


def run(*files, **environment):
    name = f"{os.environ.get('MAILPLUS_TEST_NAME', 'mailplus')}_elsewhere"
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(str(HERE / file) for file in files),
        ],
        cwd=HERE.parent,
        env={**os.environ, "MAILPLUS_TEST_NAME": name, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-5_000:] + finished.stderr[-2_000:]
    return finished.stdout


@pytest.mark.parametrize("model", ["UUIDUser", "NicknameUser"])
def test_another_user_model(model):
    names = ["cycle"] + ["stores"] * (model == "UUIDUser")
    files = [f"verification/test_{name}.py" for name in names]
    assert " passed" in run(*files, MAILPLUS_TEST_USER=model)


def test_with_sites():
    site = run("verification/test_site.py", MAILPLUS_TEST_APP="django.contrib.sites")
    assert "2 passed" in site


@pytest.mark.timeout(1_800)
def test_sqlite_in_a_file(tmp_path):
    output = run(
        "verification/test_races.py",
        MAILPLUS_TEST_DATABASE="file",
        MAILPLUS_TEST_FILE=str(tmp_path / "test.sqlite3"),
    )
    assert ", 1 skipped" in output  # a transaction of the project's own making


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("database", DATABASES)
def test_another_database(database):
    require_database(database)
    assert " skipped" not in run(*FILES, MAILPLUS_TEST_DATABASE=database)
