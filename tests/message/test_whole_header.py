"""A long word in a list header reaches the mail program as it is."""

from __future__ import annotations

import copy
import email.policy
import json

import pytest
from django.core.mail import EmailMessage

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message.snapshot import restore, take
from django_mailplus.message.whole_header import WholeHeader
from django_mailplus.message.wire import to_bytes

URL = f"<https://shop.example.com/mail/unsubscribe/{'x' * 150}/>"


def message(value=URL):
    return EmailMessage(
        "Hi", "Hi", "a@b.org", ["c@d.org"], headers={"List-Unsubscribe": value}
    )


def as_django_writes_it(sent):
    if not MODERN_MIME:
        return sent.message().as_bytes(linesep="\r\n")
    return sent.message(policy=email.policy.SMTP).as_bytes()


@pytest.mark.parametrize("write", [to_bytes, as_django_writes_it])
def test_nothing_is_encoded(write):
    sent = message(WholeHeader("List-Unsubscribe", URL))
    assert URL.encode() in write(sent)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_copies_are_the_same(again):
    header = again(WholeHeader("List-Unsubscribe", URL))
    assert (header.name, header) == ("List-Unsubscribe", URL)
    assert URL.encode() in to_bytes(message(header))


@pytest.mark.parametrize("value", [URL, WholeHeader("List-Unsubscribe", URL)])
def test_a_snapshot_gives_it_back_whole(value):
    snapshot = take(message(value))
    document = json.loads(json.dumps(snapshot.document))
    again = restore(document, snapshot.blobs.__getitem__)
    assert URL.encode() in to_bytes(again)


def test_other_headers_stay_as_django_writes_them():
    sent = message("<https://b.org/>")
    sent.extra_headers["X-Long"] = "x" * 150
    snapshot = take(sent)
    again = restore(snapshot.document, snapshot.blobs.__getitem__)
    assert {type(value) for value in again.extra_headers.values()} == {str}


@pytest.mark.parametrize("value", ["a\r\nBcc: eve@b.org", "ä", "x" * 1_000, "a\0"])
def test_what_is_no_line_is_refused(value):
    with pytest.raises(ValueError, match="List-Unsubscribe is no line"):
        WholeHeader("List-Unsubscribe", value)
    again = message(value)
    if "\n" not in value:
        snapshot = take(again)
        restored = restore(snapshot.document, snapshot.blobs.__getitem__)
        assert type(restored.extra_headers["List-Unsubscribe"]) is str
