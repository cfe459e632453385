"""A message taken apart and put together again is the same message."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import os
import re
from typing import Any

import pytest
from django.core.mail import EmailMessage
from hypothesis import HealthCheck, assume, example, given, settings
from message.everyday import everyday_letters
from message.letters import Letter, letters
from message.outcomes import outcome

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message import wire
from django_mailplus.message.envelope import envelope_of
from django_mailplus.message.parts import is_part
from django_mailplus.message.snapshot import Snapshot, differences, restore, take
from django_mailplus.message.whole_header import whole

EXAMPLES = int(os.environ.get("MAILPLUS_SNAPSHOT_EXAMPLES", "300"))
ANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FIELDS = (
    "subject",
    "body",
    "from_email",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "extra_headers",
    "alternatives",
    "encoding",
    "content_subtype",
    "mixed_subtype",
    "alternative_subtype",
)


@pytest.fixture(autouse=True)
def first_message_of_the_process_is_over() -> None:
    wire._agrees()


def stored(snapshot: Snapshot) -> EmailMessage:
    """The message as it comes back from a database."""
    text = json.dumps(snapshot.document, allow_nan=False)
    document = json.loads(text)
    assert document == snapshot.document
    return restore(
        document, {k: bytes(v) for k, v in snapshot.blobs.items()}.__getitem__
    )


def comparable(message: EmailMessage) -> dict[str, Any]:
    """The fields that have an equality of their own."""
    fields = {name: getattr(message, name, None) for name in FIELDS}
    fields["attachments"] = [
        (one[0], None if isinstance(one[1], EmailMessage) else one[1], one[2])
        for one in message.attachments
        if not is_part(one)
    ]
    return fields


def with_bytes(letter: Letter) -> Letter:
    """Octets come back as bytes; of other kinds Django shows some by their repr()."""

    def plain(value: Any) -> Any:
        return bytes(value) if isinstance(value, bytearray | memoryview) else value

    return dataclasses.replace(
        letter,
        alternatives=[(plain(content), kind) for content, kind in letter.alternatives],
        attachments=[
            functools.partial(make.func, *map(plain, make.args), **make.keywords)
            for make in letter.attachments
        ],
    )


def same(letter: Letter) -> Any:
    letter = with_bytes(letter)
    message = letter.build()
    before = copy.deepcopy(vars(message)) if not letter.attachments else None
    snapshot = take(message)
    if before is not None:
        assert vars(message) == before
    restored = stored(snapshot)
    assert type(restored) is type(message)
    assert comparable(restored) == comparable(message)
    assert envelope_of(restored) == envelope_of(message)
    assert differences(message, restored) == []
    again = letter.build()
    headers = again.extra_headers.items()
    again.extra_headers = {name: whole(name, value) for name, value in headers}
    wanted = outcome(wire.to_bytes, again)
    if isinstance(wanted, bytes):
        got = outcome(wire.to_bytes, restored)
        assert unnumbered(got) == unnumbered(wanted)
    return wanted


def unnumbered(data: bytes) -> bytes:
    """Two parts that are the same and had no boundary come back with the same one."""
    return re.sub(rb"boundary \d+", b"boundary", data)


@pytest.mark.timeout(0)
@ANY
@given(letters())
@example(
    Letter(arguments={"headers": {"List-Unsubscribe": f"<https://x.org/{'t' * 70}>"}})
)
def test_any_message_that_can_be_sent_comes_back_the_same(letter):
    message = letter.build()
    try:
        take(message)
    except SnapshotError:
        assert not isinstance(outcome(wire.to_bytes, message), bytes)
        assume(False)
    same(letter)


@pytest.mark.timeout(0)
@ANY
@given(everyday_letters())
def test_everyday_mail_comes_back_the_same(letter):
    assert isinstance(same(letter), bytes)
