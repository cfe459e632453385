"""Queues of django-post_office and django-mailer, filled by themselves, and their senders."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from misbehaving_server import Taken
from services import require_database

TESTS = Path(__file__).parent
OF_THE_OLD = "ignore::DeprecationWarning,ignore::PendingDeprecationWarning"


@dataclass
class Project:
    """A project with a database of its own; each call is a process."""

    folder: Path
    database: str
    port: int = 9
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "temporary").mkdir(exist_ok=True)

    def _process(
        self, *arguments: str, old: str = "", strict: bool = True, **environment: str
    ) -> subprocess.Popen[str]:
        strictly = ["-W", "error"] if strict and not old else ["-W", "ignore"]
        return subprocess.Popen(
            [sys.executable, *strictly, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
                "DJANGO_SETTINGS_MODULE": "importing_settings",
                "TMPDIR": str(self.folder / "temporary"),  # of post_office's lock
                "IMPORTING_FROM": old,
                "IMPORTING_PORT": str(self.port),
                "IMPORTING_FOLDER": str(self.folder),
                "IMPORTING_DATABASE": self.database,
                **self.environment,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return self._process("-m", "django", *arguments, **environment)

    def manage(
        self, *arguments: str, status: int = 0, old: str = "", **environment: str
    ) -> str:
        """What it prints, its errors behind it."""
        process = self._process("-m", "django", *arguments, old=old, **environment)
        output, errors = process.communicate()
        assert process.returncode == status, output + errors
        return output + errors

    def python(self, code: str, *, old: str = "", **environment: str) -> str:
        """Run it; the names of both packages' models are there."""
        head = (
            "import django; django.setup()\n"
            "import datetime, json\n"
            "from django.utils import timezone\n"
            "from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail\n"
            "from django.core.files.base import ContentFile\n"
            "import post_office.mail\n"
            "from post_office.models import Email, EmailTemplate, Log, PRIORITY, STATUS\n"
            "from mailer.models import DontSendEntry, Message, MessageLog\n"
            "from django_mailplus.outbox.models import OutboxMessage\n"
        )
        process = self._process(
            "-c", head + textwrap.dedent(code), old=old, strict=False, **environment
        )
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        return output

    def value(self, expression: str) -> object:
        return json.loads(self.python(f"print(json.dumps({expression}, default=str))"))

    def states(self) -> list[str]:
        rows = "OutboxMessage.objects.order_by('id').values_list('state', flat=True)"
        return list(self.value(f"list({rows})"))  # type: ignore[call-overload]


@contextmanager
def new_database(vendor: str, folder: Path) -> Iterator[str]:
    """The name by which `importing_settings` knows it; dropped in the end."""
    name = f"importing_{uuid.uuid4().hex[:12]}"
    if vendor == "sqlite":
        yield f"sqlite:{folder / name}.sqlite3"
        return
    require_database(vendor)
    _execute(vendor, f"CREATE DATABASE {name}")
    try:
        yield f"{vendor}:{name}"
    finally:
        _execute(vendor, f"DROP DATABASE {name}")


def _execute(vendor: str, statement: str) -> None:
    if vendor == "postgresql":
        import psycopg

        with psycopg.connect(
            "host=127.0.0.1 user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(statement)  # type: ignore[call-overload]
    else:
        import pymysql

        with (
            pymysql.connect(host="127.0.0.1", user="root") as server,
            server.cursor() as cursor,
        ):
            cursor.execute(statement)


def normalised(mails: list[Taken]) -> list[tuple[str, list[str], bytes]]:
    """Without what is new in each mail: its id, its date and its boundaries."""
    return sorted(
        (mail.sender, mail.recipients, _normalised(mail.content)) for mail in mails
    )


def _normalised(content: bytes) -> bytes:
    content = re.sub(
        rb"(?im)^(Message-ID|Date):[^\r\n]*(\r\n[ \t][^\r\n]*)*", rb"\1:", content
    )
    for number, boundary in enumerate(re.findall(rb'boundary="([^"]+)"', content)):
        content = content.replace(boundary, b"boundary%d" % number)
    return content
