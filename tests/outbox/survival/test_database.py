"""The database goes away, is locked or deadlocks while mails are on their way."""

from __future__ import annotations

import os
import signal
import time

import pytest
from outbox.survival.databases import PrivatePostgreSQL, sqlite
from outbox.survival.stage import eventually, stage_on


def once(action):
    done = []

    def act():
        if not done:
            done.append(1)
            action()

    return act


def test_connections_that_end_between_the_reply_and_the_record(stage):
    if stage.settings["ENGINE"].endswith("sqlite3"):
        pytest.skip("SQLite has no connections to end")
    ids = stage.call("enqueue", count=20)
    stage.sink.before_answer = lambda: stage.call("end_connections")
    assert stage.wait(stage.start(drain=True)) == 0, stage.words()
    assert stage.states() == {"sent": 20}
    assert stage.sink.accepted() == dict.fromkeys(ids, 1)
    assert stage.call("outcomes") == dict.fromkeys(ids, 1)


def test_a_restart_between_the_reply_and_the_record():
    if why := PrivatePostgreSQL.missing():
        if os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1":
            pytest.fail(why)
        pytest.skip(why)
    with PrivatePostgreSQL() as server, stage_on(server.settings) as stage:
        ids = stage.call("enqueue", count=40)
        stage.sink.before_answer = once(server.stop)
        pid = stage.start(drain=True, lease=60.0)
        eventually(lambda: len(stage.sink.taken) >= stage.cap)
        time.sleep(0.3)
        # Those on their way when it went, and no more than could be recorded before.
        assert stage.cap <= len(stage.sink.taken) < 40
        server.start()
        assert stage.wait(pid) == 0, stage.words()
        eventually(lambda: _answers(stage))
        assert stage.states() == {"sent": 40}
        assert stage.sink.accepted() == dict.fromkeys(ids, 1)


def _answers(stage):
    try:
        return stage.states()
    except Exception:
        return False


def test_deadlocks_are_waited_out(stage):
    if stage.settings["ENGINE"].endswith("sqlite3"):
        pytest.skip("SQLite has one lock for all of them")
    ids = stage.call("enqueue", count=2)
    stage.sink.before_answer = once(
        lambda: (
            stage.start("cross_locks", message_id=max(ids), seconds=0.4)
            and eventually(lambda: stage.call("is_locked"))
        )
    )
    assert stage.wait(stage.start(drain=True, lease=20.0)) == 0, stage.words()
    assert stage.states() == {"sent": 2}
    assert stage.sink.accepted() == dict.fromkeys(ids, 1)


def test_a_lock_that_nobody_gives_up_in_time(stage):
    """Error 1205 of MariaDB, 55P03 of PostgreSQL, SQLite's "database is locked"."""
    ids = stage.call("enqueue", count=6)
    stage.sink.before_answer = once(
        lambda: (
            stage.start("lock_one", message_id=ids[0], seconds=1.5)
            and eventually(lambda: stage.call("is_locked"))
        )
    )
    pid = stage.start(drain=True, lease=20.0, impatient=True)
    assert stage.wait(pid) == 0, stage.words()
    assert stage.states() == {"sent": 6}
    assert stage.sink.accepted() == dict.fromkeys(ids, 1)


MODES = {
    "as Django has it": {"timeout": 20},
    "WAL": {"timeout": 20, "init_command": "PRAGMA journal_mode=WAL;"},
    "as advised": {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    },
}


@pytest.mark.parametrize("options", MODES.values(), ids=MODES)
def test_many_processes_write_to_one_file(options, tmp_path):
    with sqlite(**options) as settings, stage_on(settings) as stage:
        report = tmp_path / "committed"
        worker = stage.start("command", arguments=[])
        senders = [
            stage.start(
                "send_and_report", path=str(report), mailer="default",
                batch=2, batches=15, pause=0.01,
            )
            for _ in range(4)
        ]  # fmt: skip
        assert [stage.wait(pid) for pid in senders] == [0] * 4, stage.words()
        stage.kill(worker, signal.SIGTERM)
        assert stage.wait(worker) == 0, stage.words()
        stage.drain(lease=20.0)
        ids = report.read_text().split()
        assert len(ids) == 120
        assert stage.sink.accepted() == dict.fromkeys(ids, 1)
