"""What servers answer, or do not."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("mailer", ["default", "hold"])
def test_the_server_drops_the_connection_after_the_final_dot(stage, mailer):
    stage.sink.dropping = 3
    ids = stage.call("enqueue", count=10, mailer=mailer)
    assert stage.wait(stage.start(drain=True)) == 0
    accepted = stage.sink.accepted()
    assert set(accepted) == set(ids)
    doubtful = [m for m in stage.call("mails") if m["tries"] == ["unknown"]]
    assert len(doubtful) == 3
    stage.drain()
    if mailer == "hold":
        assert {mail["state"] for mail in doubtful} == {"unknown"}
        assert stage.states() == {"sent": 7, "unknown": 3}
        assert stage.sink.accepted() == accepted
        return
    assert {mail["state"] for mail in doubtful} == {"queued"}
    assert stage.states() == {"sent": 10}
    again = {m["message_id"] for m in doubtful}
    assert {m: n for m, n in stage.sink.accepted().items() if n > 1} == dict.fromkeys(
        again, 2
    )
    tries = {m["message_id"]: m["tries"] for m in stage.call("mails")}
    assert all(tries[message_id] == ["unknown", "accepted"] for message_id in again)


def test_recipients_have_fates_of_their_own(stage):
    stage.sink.replies["rcpt"] = {
        "later@": "450 4.2.0 later",
        "never@": "550 5.1.1 no",
        "full@": "552 5.2.2 full",
        "": "250 ok",
    }
    [message_id] = stage.call(
        "enqueue",
        count=1,
        to=["Ann <ann@b.org>", "later@b.org"],
        cc=["never@b.org", "Full <full@b.org>"],
        bcc=["bob@b.org"],
    )
    assert stage.wait(stage.start(drain=True)) == 0
    [mail] = stage.call("mails")
    assert mail["state"] == "queued"
    assert mail["wait"] > 30  # a greylisting server refuses an earlier retry anew
    assert mail["fates"] == {
        "ann@b.org": "sent",
        "bob@b.org": "sent",
        "later@b.org": "queued",
        "full@b.org": "queued",
        "never@b.org": "failed",
    }
    stage.sink.replies["rcpt"] = {"full@": "552 5.2.2 full", "": "250 ok"}
    stage.call("hurry")
    assert stage.wait(stage.start(drain=True)) == 0
    stage.sink.replies["rcpt"] = {"full@": "550 5.1.1 no", "": "250 ok"}
    stage.drain()
    [mail] = stage.call("mails")
    assert mail["state"] == "partial"
    assert mail["fates"] == {
        "ann@b.org": "sent",
        "bob@b.org": "sent",
        "later@b.org": "sent",
        "full@b.org": "failed",
        "never@b.org": "failed",
    }
    assert stage.sink.recipients_of(message_id) == [
        ["ann@b.org", "bob@b.org"],
        ["later@b.org"],
    ]
    first, second = (taken.content for taken in stage.sink.taken)
    assert first == second
    assert b"To: Ann <ann@b.org>, later@b.org\r\n" in first
    assert b"Cc: never@b.org, Full <full@b.org>\r\n" in first


def test_some_recipients_until_the_mail_is_given_up(stage):
    stage.sink.replies["rcpt"] = {"later@": "450 4.2.0 later", "": "250 ok"}
    stage.call("enqueue", count=1, to=["ann@b.org", "later@b.org"])
    assert stage.wait(stage.start(drain=True)) == 0
    stage.call("give_up")
    stage.drain()
    [mail] = stage.call("mails")
    assert mail["state"] == "partial"
    assert mail["fates"] == {"ann@b.org": "sent", "later@b.org": "failed"}


STRANGE = {
    "a NUL": "550 5.7.1 no\x00thing",
    "beyond the BMP": "550 5.7.1 \U0001f4ec",
    "very long": "550-5.7.1 " + "x" * 400 + "\n550-5.7.1 y\n550 5.7.1 " + "z" * 400,
}


@pytest.mark.parametrize("reply", STRANGE.values(), ids=STRANGE)
def test_a_strange_reply_is_recorded(stage, reply):
    stage.sink.replies["rcpt"] = {"bob0@": reply, "carol@": reply, "": "250 ok"}
    stage.call("enqueue", count=3)
    stage.call("enqueue", count=1, to=["ann@b.org", "carol@b.org"])
    assert stage.wait(stage.start(drain=True), 15) == 0, stage.words()
    states = [mail["state"] for mail in stage.call("mails")]
    assert states == ["failed", "sent", "sent", "partial"]
    assert set(stage.sink.accepted().values()) == {1}


def test_addresses_longer_than_a_column(stage):
    long = "x" * 400
    stage.call("enqueue", count=1, to=[f"{long}1@b.org", f"{long}2@b.org", "ann@b.org"])
    stage.call("enqueue", count=2)
    assert stage.wait(stage.start(drain=True), 15) == 0, stage.words()
    assert set(stage.sink.accepted().values()) == {1}
    assert len(stage.sink.taken) == 3
    assert stage.states() == {"sent": 3}
    stage.sink.replies["rcpt"] = {"xxx": "550 5.1.1 no", "": "250 ok"}
    stage.call("enqueue", count=1, to=[f"{long}1@b.org", f"{long}2@b.org", "ann@b.org"])
    assert stage.wait(stage.start(drain=True), 15) == 0, stage.words()
    assert stage.states() == {"sent": 3, "partial": 1}
    assert set(stage.sink.accepted().values()) == {1}


def test_a_mail_that_is_deleted_while_it_is_sent(stage):
    stage.sink.before_answer = lambda: stage.call("delete_all")
    stage.call("enqueue", count=1)
    assert stage.wait(stage.start(drain=True), 15) == 0, stage.words()
    assert stage.states() == {}
