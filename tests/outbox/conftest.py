"""Projects for tests with processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from misbehaving_server import MisbehavingServer
from outbox.project_stage import Project, empty, new_database

from django_mailplus.smtp.registry import close_all


@pytest.fixture
def mail_server() -> Iterator[MisbehavingServer]:
    with MisbehavingServer() as server:
        yield server


@pytest.fixture
def outbox(
    with_mailers: Callable[..., None], mail_server: MisbehavingServer
) -> Iterator[Callable[..., None]]:
    """Configures an outbox before the server, with such options."""

    def configure(**options: Any) -> None:
        smtp = {"host": mail_server.host, "port": mail_server.port, "timeout": 5}
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "smtp", **options},
                },
                "smtp": {
                    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                    "OPTIONS": smtp,
                },
            }
        )

    yield configure
    close_all()


@pytest.fixture(scope="session")
def _migrated(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("migrated")
    with django_db_blocker.unblock(), new_database(folder) as database:
        Project(folder, database).configure(9)
        yield database


@pytest.fixture
def project(
    tmp_path: Path, _migrated: dict[str, Any], django_db_blocker: Any
) -> Iterator[Project]:
    """Processes with one database, which is empty; call `configure` first."""
    with django_db_blocker.unblock():
        yield Project(tmp_path, _migrated, migrated=True)
        empty(_migrated)
