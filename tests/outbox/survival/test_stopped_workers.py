"""SIGSTOP until the lease is over, then SIGCONT: whoever was presumed dead changes nothing."""

from __future__ import annotations

import signal
import time

import pytest
from outbox.survival.stage import eventually

LEASE = 2.0


def stopped_in_the_middle(stage, mailer):
    """A worker that was stopped with mails on their way, and no transaction open."""
    stage.sink.pause = lambda: 0.05
    ids = stage.call("enqueue", count=40, mailer=mailer)
    pid = stage.start(lease=LEASE)
    eventually(lambda: len(stage.sink.taken) > 5)
    stage.kill(pid, signal.SIGSTOP)
    while stage.call("is_locked"):
        stage.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
        stage.kill(pid, signal.SIGSTOP)
    time.sleep(0.2)  # what has left it arrives
    return pid, ids


@pytest.mark.parametrize("mailer", ["default", "hold"])
def test_who_wakes_after_the_lease_changes_nothing(stage, mailer):
    pid, ids = stopped_in_the_middle(stage, mailer)
    time.sleep(LEASE)
    stage.sink.pause = lambda: 0.0
    stage.drain(lease=LEASE)
    before = stage.call("mails")
    accepted = stage.sink.accepted()
    stage.kill(pid, signal.SIGCONT)
    time.sleep(0.5)
    stage.kill(pid, signal.SIGTERM)
    eventually(lambda: stage.wait(pid, 0.1) is not None)
    after = stage.call("mails")
    told = ("message_id", "state", "attempts", "claimed_by")
    rows = [[tuple(mail[n] for n in told) for mail in some] for some in (before, after)]
    if mailer == "default":
        assert rows[0] == rows[1]
        assert stage.states() == {"sent": 40}
    repeated = stage.sink.accepted() - accepted
    assert sum(repeated.values()) <= stage.cap
    twice = {m: n for m, n in stage.sink.accepted().items() if n > 1}
    assert sum(n - 1 for n in twice.values()) <= stage.cap
    if mailer == "hold":
        assert not twice
        assert stage.states().get("unknown", 0) <= stage.window
    assert set(stage.sink.accepted()) <= set(ids)


def test_who_is_slow_and_alive_keeps_its_mails(stage):
    """The server examines for longer than the lease; nobody else takes the mail on."""
    stage.sink.pause = lambda: 2.5
    stage.call("enqueue", count=2)
    slow = stage.start(lease=1.0, drain=True)
    time.sleep(0.3)
    other = stage.start(lease=1.0)
    assert stage.wait(slow) == 0
    stage.kill(other, signal.SIGTERM)
    assert stage.wait(other) is not None
    assert stage.states() == {"sent": 2}
    assert set(stage.sink.accepted().values()) == {1}


def test_who_is_frozen_in_a_transaction_stops_nobody_else(stage):
    if stage.settings["ENGINE"].endswith("sqlite3"):
        pytest.skip("SQLite has one lock for all of them")
    [lapsed] = stage.call("enqueue", count=1)
    stage.call("take_and_die", message_id=lapsed)
    frozen = stage.start("lock_one", message_id=lapsed, seconds=60)
    eventually(lambda: stage.call("is_locked"))
    others = stage.call("enqueue", count=5)
    assert stage.wait(stage.start(drain=True), 10) == 0, stage.words()
    assert stage.sink.accepted() == dict.fromkeys(others, 1)
    stage.kill(frozen)
    eventually(lambda: not stage.call("is_locked"))
    stage.drain()
    assert stage.states() == {"sent": 6}
    [mail] = [m for m in stage.call("mails") if m["message_id"] == lapsed]
    assert mail["tries"] == ["unknown", "accepted"]
