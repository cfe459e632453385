"""A mail is there with its transaction, or it is not; and who sends it is told."""

from __future__ import annotations

import pytest
from outbox.survival.databases import sqlite
from outbox.survival.stage import ClerkError, stage_on

SCENES = {  # how many rows, how many hints
    "committed": (1, 1),
    "rolled_back": (0, 0),
    "to_a_savepoint": (1, 1),
    "nested": (2, 1),
    "nested_and_rolled_back": (0, 0),
    "in_on_commit": (1, 1),
    "in_on_commit_of_a_rollback": (0, 0),
    "request": (1, 1),
    "request_that_fails": (0, 0),
}


def test_rows_and_hints_go_with_the_transaction(stage):
    found = {}
    for scene in SCENES:
        found[scene] = tuple(stage.call("scene", name=scene))
        stage.call("start_over")
    assert found == SCENES


def test_a_dead_database_is_told_to_the_caller(stage):
    if stage.settings["ENGINE"].endswith("sqlite3"):
        pytest.skip("SQLite has no server to be dead")
    assert stage.call("scene_without_database").endswith("Error")
    assert stage.states() == {}


def test_a_connection_that_ends_in_the_middle_leaves_nothing(stage):
    if stage.settings["ENGINE"].endswith("sqlite3"):
        pytest.skip("SQLite has no connections to end")
    assert stage.call("scene_cut_off").endswith("Error")
    assert stage.states() == {}


def test_a_full_disk_is_told_to_the_caller():
    with (
        sqlite(timeout=5, init_command="PRAGMA max_page_count=100;") as settings,
        stage_on(settings) as stage,
    ):
        with pytest.raises(ClerkError, match="full"):
            stage.call("enqueue_for_ever")
        stored = stage.states()["queued"]
        assert stored % 10 == 0
        assert stage.call("mails_without_content") == 0
