"""to_bytes() writes what Django's own SMTP backend would send, or raises what it raises."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from django.core.mail import EmailMessage
from hypothesis import HealthCheck, given, settings
from message.letters import Letter, letters

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message import wire

EXAMPLES = int(os.environ.get("MAILPLUS_WIRE_EXAMPLES", "500"))

BOUNDARY = re.compile(rb"={15}\d{19}==")
GENERATED = re.compile(rb"(?<=\nDate: )[A-Z][^\r]+(?=\r)|(?<=<)\d+\.\d+\.\d+(?=@)")


@contextlib.contextmanager
def pinned_ids() -> Iterator[None]:
    """Every Message-ID is of the same length: where lines break depends on it."""
    with mock.patch("random.getrandbits", lambda bits: 2**bits - 1):
        yield


def as_django(message: EmailMessage) -> bytes:
    if MODERN_MIME:
        from email import policy

        return message.message(policy=policy.SMTP).as_bytes()
    return message.message().as_bytes(linesep="\r\n")


def outcome(write: Callable[[EmailMessage], bytes], message: EmailMessage) -> Any:
    """The bytes without what is random, or the error."""
    try:
        with pinned_ids():
            data = write(message)
    except Exception as error:
        return type(error), str(error)
    names = list(dict.fromkeys(BOUNDARY.findall(data)))
    data = BOUNDARY.sub(lambda found: b"boundary %d" % names.index(found[0]), data)
    return GENERATED.sub(b"", data)


def same(letter: Letter) -> Any:
    stock, ours = letter.build(), letter.build()
    wanted = outcome(as_django, stock)
    got = outcome(wire.to_bytes, ours)
    assert got == wanted
    # A boundary that Python gave to a given part stays on it, as with Django.
    assert outcome(as_django, ours) == outcome(as_django, stock)
    return wanted


@pytest.mark.timeout(0)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(letters())
def test_any_message_is_what_django_would_send(letter):
    same(letter)
