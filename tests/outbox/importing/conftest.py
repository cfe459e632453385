"""Projects whose queues are moved, in each database."""

from __future__ import annotations

import importlib.util
import shutil

import pytest
from importing_stage import Project, new_database
from misbehaving_server import MisbehavingServer
from services import skip


@pytest.fixture
def server():
    with MisbehavingServer() as server:
        yield server


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The tables of both packages and ours, in a file that tests copy."""
    for package in ("post_office", "mailer"):
        if importlib.util.find_spec(package) is None:
            skip(f"{package} is not installed")
    folder = tmp_path_factory.mktemp("empty")
    project = Project(folder, f"sqlite:{folder / 'empty.sqlite3'}")
    project.manage("migrate", "--verbosity", "0")
    return folder / "empty.sqlite3"


@pytest.fixture
def project(empty, tmp_path, server):
    """With SQLite."""
    shutil.copy(empty, tmp_path / "db.sqlite3")
    return Project(tmp_path, f"sqlite:{tmp_path / 'db.sqlite3'}", port=server.port)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def migrated(request, empty, tmp_path_factory):
    """Each database, with tables; None for SQLite, which has a file for each test."""
    if request.param == "sqlite":
        yield None
        return
    folder = tmp_path_factory.mktemp("database")
    with new_database(request.param, folder) as database:
        Project(folder, database).manage("migrate", "--verbosity", "0")
        yield database


@pytest.fixture
def anywhere(migrated, request, tmp_path, server):
    """With each database."""
    if migrated is None:
        return request.getfixturevalue("project")
    project = Project(tmp_path, migrated, port=server.port)
    project.manage("flush", "--no-input", "--verbosity", "0")
    return project
