"""Documents of other versions, of another Django, and damaged ones."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.mail import EmailAttachment, EmailMessage, EmailMultiAlternatives
from hypothesis import given, settings
from hypothesis import strategies as st
from message.outcomes import outcome
from message.parts import PNG, image, signed_part

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message import wire
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.snapshot import restore, take

# Written by version 1. Whatever comes later must read it: never change it.
LOGO = (
    "Q29udGVudC1UeXBlOiBpbWFnZS9wbmcNCk1JTUUtVmVyc2lvbjogMS4wDQpDb250ZW50LVRyYW5zZmVy"
    "LUVuY29kaW5nOiBiYXNlNjQNCkNvbnRlbnQtSUQ6IDxsb2dvPg0KQ29udGVudC1EaXNwb3NpdGlvbjog"
    "aW5saW5lDQoNCmlWQk9SdzBLR2dvPQ0K"
)
DIGEST = "5c0e0ea421571c300b5df6aec0a118b5c3dc02e0683a546341d5efc689df2f58"
BLOB = b"x" * 2000
VERSION_1 = f"""{{
  "v": 1,
  "class": "EmailMultiAlternatives",
  "subject": "Gr\\u00fc\\u00dfe",
  "body": {{"$text": "bnVsIAA="}},
  "from_email": "Shop <shop@example.com>",
  "to": ["Bob <bob@example.com>"],
  "cc": {{"$tuple": ["cleo@example.com"]}},
  "bcc": ["dave@example.com"],
  "reply_to": ["reply@example.com"],
  "extra_headers": [["Message-ID", "<1@example.com>"], ["X-B", 5], ["X-A", null]],
  "encoding": {{"$charset": ["utf-8", "utf-8", 3, 1]}},
  "content_subtype": "html",
  "mixed_subtype": "related",
  "alternatives": [
    ["<p>", "text/html"], [{{"$bytes": "/w=="}}, "application/x-a"]
  ],
  "attachments": [
    ["a.bin", {{"$blob": "{DIGEST}"}}, "application/x-a"],
    ["a.txt", {{"$text_blob": "{DIGEST}"}}, "text/plain"],
    [null, "text", null],
    {{"part": {{"$bytes": "{LOGO}"}}}},
    ["m.eml", {{"$mime": {{"$bytes": "U3ViamVjdDogSGkNCg0KYm9keQ0K"}}}}, "message/rfc822"],
    [null, {{"$message": {{
      "class": "EmailMessage", "subject": "Inner", "body": "", "from_email": "a@b.c", "to": [],
      "attachments": [["b.bin", {{"$blob": "{DIGEST}"}}, "a/b"]]
    }}}}, "message/rfc822"]
  ],
  "recipients": ["bob@example.com"],
  "attributes": [
    ["tags", ["a"]],
    ["metadata", {{"$dict": [["b", 1], ["a", {{"$int": "0x8000000000000000"}}]]}}],
    ["send_at", {{"$datetime": "2026-11-21T10:00:00+00:00"}}],
    ["day", {{"$date": "2026-11-21"}}]
  ],
  "blobs": ["{DIGEST}"]
}}"""
FINISHED_1 = """{
  "v": 1,
  "finished": {"$bytes": "U3ViamVjdDogSGkNCg0KYm9keQ0K"},
  "subject": "Hi",
  "from_email": "a@example.com",
  "to": ["b@example.com"]
}"""
BLOBS = {DIGEST: BLOB}


def test_a_document_of_version_1_is_read():
    message: Any = restore(json.loads(VERSION_1), BLOBS.__getitem__)
    assert isinstance(message, EmailMultiAlternatives)
    assert message.subject == "Grüße"
    assert message.body == "nul \0"
    assert message.from_email == "Shop <shop@example.com>"
    assert message.to == ["Bob <bob@example.com>"]
    assert message.cc == ("cleo@example.com",)
    assert message.bcc == ["dave@example.com"]
    assert message.reply_to == ["reply@example.com"]
    assert list(message.extra_headers.items()) == [
        ("Message-ID", "<1@example.com>"),
        ("X-B", 5),
        ("X-A", None),
    ]
    assert message.encoding.input_charset == "utf-8"
    assert (message.encoding.header_encoding, message.encoding.body_encoding) == (3, 1)
    assert message.content_subtype == "html"
    assert message.mixed_subtype == "related"
    assert message.alternatives == [("<p>", "text/html"), (b"\xff", "application/x-a")]
    assert message.recipients() == ["bob@example.com"]
    assert message.tags == ["a"]
    assert message.metadata == {"b": 1, "a": 2**63}
    assert message.send_at.isoformat() == "2026-11-21T10:00:00+00:00"
    assert message.day.isoformat() == "2026-11-21"
    given_bytes, given_text, untyped, logo, mime, inner = message.attachments
    assert given_bytes == EmailAttachment("a.bin", BLOB, "application/x-a")
    assert given_text == EmailAttachment("a.txt", BLOB.decode(), "text/plain")
    assert untyped == EmailAttachment(None, "text", None)
    assert logo["Content-ID"] == "<logo>"
    assert logo.get_payload(decode=True) == PNG[:8]
    assert mime.content["Subject"] == "Hi"
    assert type(inner.content) is EmailMessage
    assert inner.content.attachments == [("b.bin", BLOB, "a/b")]


def test_finished_bytes_of_version_1_are_read():
    message = restore(json.loads(FINISHED_1), BLOBS.__getitem__)
    assert isinstance(message, FinishedMessage)
    assert wire.to_bytes(message) == b"Subject: Hi\r\n\r\nbody\r\n"
    assert message.recipients() == ["b@example.com"]


# A part as the other Django writes it: `Header` breaks lines where the newer one does not.
FOREIGN = (
    b"Content-Type: application/x-a\r\nMIME-Version: 1.0\r\n"
    b'Content-Disposition: attachment; filename="' + b"n" * 90 + b'.bin"\r\n'
    b"X-Words: =?utf-8?b?w6TDtsO8?=\r\n words\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"eA==\r\n"
)


def test_a_part_of_another_django_is_read_and_sent():
    document = json.loads(FINISHED_1) | {"class": "EmailMessage", "body": "b"}
    del document["finished"]
    part = {"part": {"$bytes": base64.b64encode(FOREIGN).decode()}}
    message = restore(document | {"attachments": [part]}, BLOBS.__getitem__)
    data = wire.to_bytes(message)
    assert b"\r\n\r\neA==\r\n" in data
    assert isinstance(outcome(wire.to_bytes, message), bytes)
    assert message.attachments[0].get_filename() == "n" * 90 + ".bin"


# Versions


@pytest.mark.parametrize("version", [2, 10**9])
def test_a_newer_version_is_named(version):
    with pytest.raises(SnapshotError, match="A newer version of django-mail") as caught:
        restore({"v": version, "blobs": 5}, BLOBS.__getitem__)
    assert caught.value.newer


@pytest.mark.parametrize("version", [None, 0, -1, "1", 1.0, True, [1]])
def test_what_has_no_version_is_damaged(version):
    with pytest.raises(SnapshotError, match="it has no version") as caught:
        restore(json.loads(VERSION_1) | {"v": version}, BLOBS.__getitem__)
    assert not caught.value.newer


def test_unknown_keys_are_passed_over():
    document = json.loads(FINISHED_1) | {"colour": {"$paint": 1}}
    assert restore(document, BLOBS.__getitem__).subject == "Hi"


# Blobs


def test_a_blob_may_come_as_databases_give_it():
    document = json.loads(VERSION_1)
    message = restore(document, lambda digest: memoryview(BLOBS[digest]))
    assert message.attachments[0].content == BLOB
    assert type(message.attachments[0].content) is bytes


@pytest.mark.parametrize("load", [{}.__getitem__, [].pop])
def test_a_missing_blob_is_told(load):
    with pytest.raises(SnapshotError, match=f"its blob '{DIGEST}' is missing"):
        restore(json.loads(VERSION_1), lambda digest: load(0))


def test_a_blob_with_another_content_is_never_sent():
    with pytest.raises(SnapshotError, match="has another content"):
        restore(json.loads(VERSION_1), lambda digest: BLOB[:-1])


def test_errors_of_the_store_are_its_own():
    def load(digest: str) -> bytes:
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database") as caught:
        restore(json.loads(VERSION_1), load)
    assert type(caught.value) is ValueError


# Damage


def places(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield where
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            yield from places(item, (*where, key))


def with_parts() -> dict[str, Any]:
    message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])
    message.attachments = [
        image("<logo>", PNG, modern=False),
        signed_part("words\n"),
    ]
    return take(message).document


WHOLE = [json.loads(VERSION_1), json.loads(FINISHED_1), with_parts()]
PLACES = [(index, where) for index, one in enumerate(WHOLE) for where in places(one)]
TAGS = (
    "text",
    "bytes",
    "blob",
    "text_blob",
    "int",
    "tuple",
    "dict",
    "datetime",
    "date",
    "charset",
    "message",
    "mime",
    "other",
)
JUNK = st.recursive(
    st.sampled_from(
        [None, True, 5, -1.5, "", "text", "\udce4", "\0", "body", "ä", "="]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
        | st.builds(
            lambda tag, value: {tag: value},
            st.sampled_from([f"${name}" for name in TAGS]),
            inner,
        )
    ),
    max_leaves=6,
)


def damaged(whole: Any, where: tuple[Any, ...], junk: Any, *, gone: bool) -> Any:
    if not where:
        return junk
    document = copy.deepcopy(whole)
    *way, last = where
    inner = document
    for key in way:
        inner = inner[key]
    if gone:
        del inner[last]
    else:
        inner[last] = junk
    return document


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(PLACES), JUNK, st.booleans())
def test_a_damaged_document_is_a_snapshot_error_or_a_message(place, junk, gone):
    index, where = place
    document = damaged(WHOLE[index], where, junk, gone=gone)
    with contextlib.suppress(SnapshotError):
        assert isinstance(restore(document, BLOBS.__getitem__), EmailMessage)


def test_the_error_holds_nothing_of_the_mail():
    document = json.loads(FINISHED_1) | {"subject": ["x", {"hidden": 1}]}
    with pytest.raises(SnapshotError) as caught:
        restore(document, BLOBS.__getitem__)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_what_is_no_document_is_damaged(document):
    with pytest.raises(SnapshotError, match="not a dict"):
        restore(document, BLOBS.__getitem__)


@pytest.mark.parametrize("key", ["class", "subject", "body", "from_email"])
def test_a_document_without_what_every_one_has_is_damaged(key):
    document = json.loads(VERSION_1)
    del document[key]
    with pytest.raises(SnapshotError, match="it cannot be read"):
        restore(document, BLOBS.__getitem__)


@pytest.mark.parametrize(
    "name", ["message", "send", "recipients", "mailplus_finished", "connection", "to"]
)
def test_no_document_replaces_a_method_or_what_is_ours(name):
    document = json.loads(FINISHED_1) | {"attributes": [[name, "x"]]}
    with pytest.raises(SnapshotError, match="it cannot be read"):
        restore(document, BLOBS.__getitem__)


def test_a_value_within_too_many_others_is_damaged():
    value: Any = None
    for _ in range(100_000):
        value = [value]
    document = json.loads(FINISHED_1) | {"attributes": [["tags", value]]}
    with pytest.raises(SnapshotError, match="it cannot be read"):
        restore(document, BLOBS.__getitem__)
