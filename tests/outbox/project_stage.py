"""A project of its own for processes that fork, end or are killed: settings and a database."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.management.color import no_style
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

TESTS = Path(__file__).resolve().parents[1]
_SETTINGS = """
import django.core.mail as _mail
SECRET_KEY = "of the test alone"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_mailplus", *{apps!r}]
DATABASES = {{"default": {database!r}}}
if "mysql" in DATABASES["default"]["ENGINE"]:
    import pymysql
    pymysql.version_info = (2, 2, 1, "final", 0)
    pymysql.install_as_MySQLdb()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {{
    "version": 1,
    "handlers": {{"stderr": {{"class": "logging.StreamHandler"}}}},
    "loggers": {{"django_mailplus": {{"handlers": ["stderr"]}}}},
}}
MAILERS = {{
    "default": {{
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {{"using": "smtp", **{options!r}}},
    }},
    "smtp": {{
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {{"host": "127.0.0.1", "port": {port}, "timeout": 5, **{smtp!r}}},
    }},
}}
if not hasattr(_mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
{more}
"""
OURS = ("mailplus_", "django_tasks")  # tables
PRELUDE = """
from __future__ import annotations
import os, signal, sys, threading, time, warnings
# It is we who fork among threads.
warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
import django
django.setup()
from django.core.mail import EmailMessage
from django.db import connection, connections, transaction
from django_mailplus.mail import mailers
from django_mailplus.outbox.dispatch import sending_thread
from django_mailplus.outbox.models import OutboxMessage, MailerState

def send(*names):
    return mailers["default"].send_messages(
        [EmailMessage(n, n, "ann@example.com", [f"{n}@example.com"]) for n in names]
    )

def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)

def states():
    return sorted(OutboxMessage.objects.values_list("state", flat=True))

def threads():
    return [t for t in threading.enumerate() if t.name.startswith("mailplus outbox")]
"""


@dataclass
class Project:
    """Runs Python in processes that have the settings, and one database in common."""

    folder: Path
    database: Mapping[str, Any]
    migrated: bool = False
    before: str = ""  # what each script runs first
    environment: dict[str, str] = field(default_factory=dict)

    def configure(
        self,
        port: int,
        *,
        apps: tuple[str, ...] = (),
        smtp: Mapping[str, Any] = {},
        more: str = "",
        **options: Any,
    ) -> None:
        text = _SETTINGS.format(
            database=dict(self.database),
            options=options,
            port=port,
            smtp=dict(smtp),
            apps=apps,
            more=more,
        )
        (self.folder / "settings_of_stage.py").write_text(text)
        paths = [str(self.folder), str(TESTS), str(TESTS.parent)]
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "DJANGO_SETTINGS_MODULE": "settings_of_stage",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environment.pop("PYTHONWARNINGS", None)
        if apps or not self.migrated:
            self.manage("migrate", "-v0", "--skip-checks")

    def manage(self, *arguments: str) -> str:
        return self._finished(
            self.start("-m", "django", *arguments, flags=()), timeout=60
        )

    def run(self, script: str, *, timeout: float = 60, quiet: bool = True) -> str:
        """What it says, when it ends well; a warning is an error. Quiet: no stderr."""
        process = self.start("-c", PRELUDE + self.before + textwrap.dedent(script))
        return self._finished(process, timeout=timeout, quiet=quiet)

    def start(
        self, *arguments: str, flags: tuple[str, ...] = ("-W", "error")
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *flags, *arguments],
            env=self.environment,
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @staticmethod
    def _finished(
        process: subprocess.Popen[str], *, timeout: float, quiet: bool = False
    ) -> str:
        try:
            out, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"It did not end: {process.communicate()}")
        assert process.returncode == 0, errors
        assert not quiet or errors == "", errors
        return out


@contextlib.contextmanager
def new_database(folder: Path) -> Iterator[dict[str, Any]]:
    """Of the kind that this run of the tests has, with a name of its own."""
    vendor, current = connection.vendor, connection.settings_dict
    if vendor == "sqlite":
        yield {
            "ENGINE": current["ENGINE"],
            "NAME": str(folder / "stage.sqlite3"),
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        }
        return
    name = f"mailplus_{uuid.uuid4().hex[:12]}"
    where = {"NAME": "postgres" if vendor == "postgresql" else None}
    with _connected(where) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        keys = ("ENGINE", "USER", "PASSWORD", "HOST", "PORT")
        yield {key: current[key] for key in keys} | {"NAME": name}
    finally:
        force = " WITH (FORCE)" if vendor == "postgresql" else ""
        with _connected(where) as server, server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}{force}")


def empty(database: Mapping[str, Any]) -> None:
    """Of everything that is ours, or a hint to us."""
    with _connected(database) as there:
        with there.cursor() as cursor:
            names = there.introspection.table_names(cursor)
        ours = [name for name in names if name.startswith(OURS)]
        if ours:
            flush = there.ops.sql_flush(no_style(), ours, allow_cascade=True)
            with there.constraint_checks_disabled():
                there.ops.execute_sql_flush(flush)


@contextlib.contextmanager
def _connected(database: Mapping[str, Any]) -> Iterator[Any]:
    """Apart from the test's own connection, which is perhaps in a transaction."""
    wrapper = connection.copy()
    wrapper.settings_dict.update(database)
    try:
        yield wrapper
    finally:
        # SQLite's wrapper keeps the connection to a database in memory.
        BaseDatabaseWrapper.close(wrapper)
