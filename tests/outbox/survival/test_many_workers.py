"""Many processes on one table: each mail has one of them."""

from __future__ import annotations


def test_five_workers_send_each_mail_once(stage):
    sent = stage.call("enqueue", count=150)
    workers = [stage.start(drain=True) for _ in range(5)]
    assert [stage.wait(pid) for pid in workers] == [0] * 5, stage.words()
    assert stage.states() == {"sent": 150}
    assert stage.sink.accepted() == dict.fromkeys(sent, 1)
    assert stage.call("outcomes") == dict.fromkeys(sent, 1)
    assert {mail["attempts"] for mail in stage.call("mails")} == {1}
