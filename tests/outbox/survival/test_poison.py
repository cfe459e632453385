"""Rows that cannot be sent stand in front; those behind go out at once."""

from __future__ import annotations

import contextlib
import json

import pytest
from outbox.survival.stage import ClerkError

BROKEN = {
    "no JSON": {"text": "{"},
    "another JSON": {"text": "[1]"},
    "no text": {"text": ""},
    "no version": {"v": None},
    "a missing blob": {"blobs": ["0" * 64]},
    "a class that is gone": {"class": "Invoice"},
    "a damaged part": {"alternatives": [17]},
    "addresses that are none": {"to": [["a"], {"b": 1}]},
}


def behind(stage, **change):
    [first] = stage.call("enqueue", count=1)
    stage.call("change_documents", **change)
    others = stage.call("enqueue", count=5)
    assert stage.wait(stage.start(drain=True, concurrency=1), 15) == 0, stage.words()
    assert stage.sink.accepted() == dict.fromkeys(others, 1)
    mail, *rest = stage.call("mails")
    assert mail["message_id"] == first
    assert {each["state"] for each in rest} == {"sent"}
    return mail


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_row_that_cannot_be_read(stage, change):
    mail = behind(stage, **change)
    assert (mail["state"], mail["tries"]) == ("failed", ["permanent"])
    assert mail["text"].startswith("The message could not be rebuilt from the outbox: ")


def test_a_row_of_the_next_version_waits_for_a_worker_of_that_version(stage):
    mail = behind(stage, v=2)
    assert (mail["state"], mail["attempts"], mail["tries"]) == ("queued", 0, [])
    assert mail["wait"] > 10  # nobody spins
    stage.call("hurry")
    assert stage.wait(stage.start(drain=True, version=2)) == 0
    assert stage.states() == {"sent": 6}


def test_a_worker_of_the_next_version_reads_rows_of_this_one(stage):
    stage.call("enqueue", count=3)
    assert stage.wait(stage.start(drain=True, version=2)) == 0
    assert stage.states() == {"sent": 3}


ABSURD = {
    "no address": "@",
    "two ats": "a@b@c",
    "a line end": "bob@b.org\r\nRCPT TO:<eve@b.org>",
    "a space": "bob smith@b.org",
    "half a pair": "\ud800@b.org",
    "an angle": "<<<>>>",
    "long": "x" * 2_000 + "@b.org",
    "beyond ASCII": "böb@b.org",
}


@pytest.mark.parametrize("address", ABSURD.values(), ids=ABSURD)
def test_an_address_that_cannot_be_mailed(stage, address):
    with contextlib.suppress(ClerkError):  # or the caller is told, and nothing stored
        stage.call("enqueue", count=1, to=[address])
    others = stage.call("enqueue", count=3)
    assert stage.wait(stage.start(drain=True, concurrency=1), 15) == 0, stage.words()
    assert stage.sink.accepted().keys() >= set(others)
    assert stage.states().get("sending") is None
    assert "eve@b.org" not in json.dumps([t.recipients for t in stage.sink.taken])
