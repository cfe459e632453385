"""Each test on each database; those that are missing are named, or must not be."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from outbox.survival.databases import KINDS, missing
from outbox.survival.stage import Stage, staged


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.processes)


@pytest.fixture(scope="session")
def stages() -> Iterator[dict[str, Stage]]:
    found: dict[str, Stage] = {}
    with contextlib.ExitStack() as stack:

        class Stages(dict[str, Stage]):
            def __missing__(self, kind: str) -> Stage:
                found[kind] = self[kind] = stack.enter_context(staged(kind))
                return found[kind]

        yield Stages()


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest, stages: dict[str, Stage]) -> Iterator[Stage]:
    if why := missing(request.param):
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail(why)
        pytest.skip(why)
    stage = stages[request.param]
    stage.start_over()
    yield stage
    stage.start_over()
