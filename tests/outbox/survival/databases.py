"""Databases for tests with processes of their own: made for one run, gone after it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "PrivatePostgreSQL", "database", "missing", "sqlite"]

KINDS = ("postgresql", "mariadb", "sqlite")
HOST = "127.0.0.1"
_PORTS = {"postgresql": 5432, "mariadb": 3306}

_PROGRAMS = Path("/usr/lib/postgresql")

# As a project would set it up in which more than one process writes.
_SQLITE = {
    "timeout": 30,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def missing(kind: str) -> str:
    """Why there is no such database here, or ""."""
    if kind == "sqlite":
        return ""
    try:
        socket.create_connection((HOST, _PORTS[kind]), timeout=5).close()
    except OSError:
        return f"no {kind} on port {_PORTS[kind]}"
    return ""


@contextlib.contextmanager
def database(kind: str) -> Iterator[dict[str, Any]]:
    """An empty one, as an entry of DATABASES."""
    with {"postgresql": _postgresql, "mariadb": _mariadb, "sqlite": sqlite}[
        kind
    ]() as d:
        yield d


def _new_name() -> str:
    return f"survival_{uuid.uuid4().hex[:12]}"


@contextlib.contextmanager
def sqlite(**options: Any) -> Iterator[dict[str, Any]]:
    directory = Path(tempfile.mkdtemp(prefix="mailplus-survival-"))
    try:
        yield {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(directory / "db.sqlite3"),
            "OPTIONS": options or _SQLITE,
        }
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _postgresql() -> Iterator[dict[str, Any]]:
    import psycopg

    name = _new_name()
    server = {"host": HOST, "port": _PORTS["postgresql"], "user": "postgres"}

    def run(statement: str) -> None:
        with psycopg.connect(
            **server, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    run(f"CREATE DATABASE {name}")
    try:
        yield {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "postgres",
            "HOST": HOST,
        }
    finally:
        run(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def _mariadb() -> Iterator[dict[str, Any]]:
    import pymysql

    name = _new_name()

    def run(statement: str) -> None:
        with (
            contextlib.closing(pymysql.connect(host=HOST, user="root")) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield {
            "ENGINE": "django.db.backends.mysql",
            "NAME": name,
            "USER": "root",
            "HOST": HOST,
        }
    finally:
        run(f"DROP DATABASE {name}")


class PrivatePostgreSQL:
    """A server that may be stopped: nobody else uses it."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="mailplus-postgresql-"))
        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]

    @staticmethod
    def missing() -> str:
        if not list(_PROGRAMS.glob("*/bin/initdb")):
            return "no initdb of PostgreSQL"
        return (
            "" if os.geteuid() == 0 else "PostgreSQL starts as its own user from root"
        )

    def __enter__(self) -> PrivatePostgreSQL:
        shutil.chown(self._directory, "postgres")
        self._run("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._run("pg_ctl", "stop", "-m", "immediate", check=False)
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": HOST,
            "PORT": self.port,
        }

    def start(self) -> None:
        options = f"-p {self.port} -c unix_socket_directories= -c fsync=off"
        log = str(self._directory / "log")
        self._run("pg_ctl", "start", "-w", "-l", log, "-o", options)

    def stop(self) -> None:
        """As when the machine dies: it recovers at the next start."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        newest = max(_PROGRAMS.glob(f"*/bin/{program}"))
        subprocess.run(
            [str(newest), "-D", str(self._directory / "data"), *arguments],
            check=check,
            user="postgres",
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
