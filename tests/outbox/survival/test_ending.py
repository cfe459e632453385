"""How workers end: told to, told twice, and with a database that is gone."""

from __future__ import annotations

import signal
import time

from outbox.survival.stage import eventually


def test_sigterm_records_what_is_on_its_way_and_gives_back_the_rest(stage):
    stage.sink.pause = lambda: 0.05
    ids = stage.call("enqueue", count=40)
    pid = stage.start("command", arguments=["--drain"])
    eventually(lambda: len(stage.sink.taken) > 5)
    stage.kill(pid, signal.SIGTERM)
    assert stage.wait(pid) == 0, stage.words()
    accepted = stage.sink.accepted()
    states = stage.states()
    assert states == {"sent": len(accepted), "queued": 40 - len(accepted)}
    assert states["queued"] > 0
    assert {m["attempts"] for m in stage.call("mails", state="queued")} == {0}
    stage.sink.pause = lambda: 0.0
    stage.drain()
    assert stage.sink.accepted() == dict.fromkeys(ids, 1)


def test_the_second_signal_gives_back_and_leaves_at_once(stage):
    stage.sink.pause = lambda: 3.0
    stage.call("enqueue", count=60)
    pid = stage.start("leave_on_sigterm")
    eventually(lambda: len(stage.sink.taken) == stage.concurrency)
    before = time.monotonic()
    stage.kill(pid, signal.SIGTERM)
    assert stage.wait(pid, 10) == 3, stage.words()
    assert time.monotonic() - before < 9
    states = stage.states()
    assert states.keys() == {"sending", "queued"}
    assert stage.concurrency <= states["sending"] <= stage.window


def test_signals_at_any_moment(stage):
    """The handler may interrupt the worker anywhere, even in the middle of an event."""
    pid = stage.start("interrupted", seconds=0.7)
    assert stage.wait(pid, 15) == 0, stage.words()


def test_a_database_that_is_gone_while_the_worker_ends(stage):
    if stage.settings["ENGINE"].endswith("sqlite3"):
        return
    ids = stage.call("enqueue", count=30)
    stage.sink.pause = lambda: 0.05
    pid = stage.start("command", arguments=[])
    eventually(lambda: len(stage.sink.taken) > 3)
    stage.sink.before_answer = lambda: stage.call("end_connections")
    stage.kill(pid, signal.SIGTERM)
    assert stage.wait(pid) == 0, stage.words()
    stage.sink.start_over_answers()
    assert set(stage.states()) <= {"sent", "queued"}
    stage.drain()
    assert stage.sink.accepted() == dict.fromkeys(ids, 1)
