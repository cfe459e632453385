"""Hosts whose clocks disagree: the time of the database decides."""

from __future__ import annotations

import signal

import pytest

HOUR = 3_600.0


@pytest.mark.parametrize("skew", [-HOUR, HOUR])
def test_clocks_that_are_wrong(stage, skew):
    dead = stage.call("enqueue", count=1)
    stage.call("take_and_die", message_id=dead[0])
    later = stage.call("enqueue", count=1, due_in=HOUR / 2)
    ids = stage.call("enqueue", count=20)
    right = stage.start()
    wrong = stage.start(skew=skew)
    written = stage.start("enqueue_elsewhere", count=3, skew=skew)
    assert stage.wait(written) == 0, stage.words()
    stage.wait_for_sent(24)
    for pid in (right, wrong):
        stage.kill(pid, signal.SIGTERM)
        stage.wait(pid)
    assert stage.states() == {"sent": 24, "queued": 1}
    accepted = stage.sink.accepted()
    assert set(accepted.values()) == {1}
    assert accepted.keys() >= {*dead, *ids}
    assert not accepted.keys() & set(later)
