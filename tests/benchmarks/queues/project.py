"""A project with three queues in one database, and their tables made anew."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.servers import HOST
from django.conf import settings

__all__ = ["DATABASES", "database", "empty", "missing", "settings_for"]

DATABASES = ("postgresql", "sqlite")
_NAME = "mailplus_benchmark"


def missing(module: str) -> str:
    if importlib.util.find_spec(module) is None:
        return f"not there: pip install {_PACKAGES[module]}"
    return ""


_PACKAGES = {"post_office": "django-post-office", "mailer": "django-mailer"}


def settings_for(kind: str, name: str, port: int) -> dict[str, Any]:
    """Each queue at its defaults, all of them in front of one SMTP server.

    Without MAILERS, for django-mailer 2.3 cannot send with it.
    """
    databases = {
        "postgresql": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "postgres",
            "HOST": HOST,
        },
        "sqlite": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": name,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=normal",
            },
        },
    }
    peers = [module for module in _PACKAGES if not missing(module)]
    djangos = "django.core.mail.backends.smtp.EmailBackend"
    return {
        "SECRET_KEY": "for the measuring alone",
        "USE_TZ": True,
        "INSTALLED_APPS": [
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django_mailplus",
            *peers,
        ],
        "DATABASES": {"default": databases[kind]},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "TEMPLATES": [
            {"BACKEND": "django.template.backends.django.DjangoTemplates"},
        ],
        "EMAIL_BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "EMAIL_HOST": HOST,
        "EMAIL_PORT": port,
        "POST_OFFICE": {"BACKENDS": {"default": djangos}},
        "MAILER_EMAIL_BACKEND": djangos,
        "MAILER_USE_FILE_LOCK": False,
        "LOGGING_CONFIG": None,
    }


@contextlib.contextmanager
def database(kind: str, port: int) -> Iterator[str]:
    """Sets Django up with a new, migrated database; gives its name."""
    import django
    from django.core.management import call_command
    from django.db import connections

    with tempfile.TemporaryDirectory(prefix="mailplus-") as folder:
        name = _NAME if kind == "postgresql" else str(Path(folder, "queue.sqlite3"))
        if kind == "postgresql":
            _administer("dropdb", "--if-exists", name)
            _administer("createdb", name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of settings that Django 6.1 deprecates
            settings.configure(**settings_for(kind, name, port))
            django.setup()
        warnings.filterwarnings("ignore", message=".*EMAIL.*deprecated.*")
        logging.disable(logging.CRITICAL)
        call_command("migrate", verbosity=0)
        try:
            yield name
        finally:
            connections.close_all()
            if kind == "postgresql":
                _administer("dropdb", name)


def _administer(program: str, *arguments: str) -> None:
    command = [program, "--host", HOST, "--username", "postgres", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def empty() -> None:
    """No mails in any of the queues, and no rows that are dead but there."""
    from django.db import connection

    tables = [
        *("mailplus_attempt", "mailplus_payload_blobs", "mailplus_payload"),
        *("mailplus_recipient", "mailplus_outboxmessage", "mailplus_mailerstate"),
        *("post_office_log", "post_office_email"),
        *("mailer_message", "mailer_messagelog"),
    ]
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor)
        found = [table for table in tables if table in there]
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(found)} CASCADE")
        else:
            for table in found:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608
