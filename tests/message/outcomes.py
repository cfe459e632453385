"""What becomes of a message when it is written: the bytes but for what is random."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.core.mail import EmailMessage

from django_mailplus.compat import MODERN_MIME

__all__ = ["GENERATED", "as_django", "outcome", "pinned_ids"]

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
