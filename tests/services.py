"""What a test needs besides Python: without it the test is skipped, or fails where all must be there."""

from __future__ import annotations

import importlib
import os
import socket

import pytest

DATABASES = {"postgresql": ("psycopg", 5432), "mysql": ("pymysql", 3306)}
"""Of each the driver, and the port of its server."""


def require_database(name: str) -> None:
    driver, port = DATABASES[name]
    try:
        importlib.import_module(driver)
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except (ImportError, OSError) as error:
        skip(f"{driver}, port {port}: {error}")


def skip(reason: str) -> None:
    if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
