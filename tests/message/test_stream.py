"""What kind of mail a message is, wherever that is said."""

from __future__ import annotations

import json

import pytest
from django.core.mail import EmailMessage

from django_mailplus.message.snapshot import restore, take
from django_mailplus.message.stream import stream_of
from django_mailplus.outbox import OutboxOptions


def message(**attributes):
    made = EmailMessage("Hello", "Body", None, ["bob@example.com"])
    vars(made).update(attributes)
    return made


@pytest.mark.parametrize(
    ("attributes", "stream"),
    [
        ({}, ""),
        ({"stream": "news"}, "news"),
        ({"outbox": {"stream": "news"}}, "news"),
        ({"outbox": OutboxOptions(stream="news")}, "news"),
        ({"outbox": OutboxOptions(), "stream": "news"}, "news"),
        ({"outbox": {"stream": "orders"}, "stream": "news"}, "orders"),
        ({"outbox": 3, "stream": ["news"]}, ""),
    ],
)
def test_stream(attributes, stream):
    assert stream_of(message(**attributes)) == stream


class Finished(EmailMessage):
    def message(self, **how):
        return super().message(**how)


@pytest.mark.parametrize("kind", [EmailMessage, Finished])
def test_a_snapshot_keeps_it(kind):
    sent = kind("Hello", "Body", "a@example.com", ["bob@example.com"])
    sent.stream = "news"
    snapshot = take(sent)
    document = json.loads(json.dumps(snapshot.document))
    assert stream_of(restore(document, snapshot.blobs.__getitem__)) == "news"
