"""Signatures of a message (RFC 6376), in relaxed/relaxed form."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable

from django_mailplus.dkim.canonical import (
    fields_of,
    relaxed_body,
    relaxed_field,
    split,
)
from django_mailplus.dkim.keys import Key

__all__ = ["OVERSIGNED", "SIGNED", "sign"]

SIGNED = (
    "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id",
    "in-reply-to", "references", "mime-version", "content-type",
    "content-transfer-encoding", "content-id", "content-description", "resent-date",
    "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id",
    "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post",
    "list-subscribe", "list-post", "list-owner", "list-archive", "feedback-id",
)  # fmt: skip
"""Of these every one that is there (section 5.4.1). Return-Path and what servers add on
the way must not be among them.
"""

OVERSIGNED = frozenset(
    {
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "reply-to",
        "list-unsubscribe",
        "list-unsubscribe-post",
    }
)
"""And once more than they are there, so that nobody can add another one (section 8.15).
Mail clients obey List-Unsubscribe-Post only if it is signed (RFC 8058 section 4).
"""

_WIDTH = 72


def sign(message: bytes, keys: Iterable[Key], *, timestamp: int | None = None) -> bytes:
    """The message, its lines with CRLF, behind a DKIM-Signature for each key.

    A message with a second From is refused by receivers, and so it is here: ValueError.
    `timestamp` is seconds since 1970, now without one.
    """
    head, body = split(message)
    present: dict[str, list[bytes]] = defaultdict(list)
    for name, value in fields_of(head):
        if (text := name.decode("ascii")) in _SIGNED:
            present[text].append(relaxed_field(name, value))
    if len(present["from"]) != 1:
        raise ValueError(
            f"The message has {len(present['from'])} From fields; DKIM wants one."
        )
    names = [
        name
        for name in SIGNED
        for _ in range(len(present[name]) + (name in OVERSIGNED))
    ]
    # Of several with one name the last one comes first (section 5.4.2).
    signed = [field for name in SIGNED for field in reversed(present[name])]
    digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
    at = int(time.time()) if timestamp is None else timestamp
    made = [_signature(key, names, signed, digest, at) for key in keys]
    return b"".join([*made, head, b"\r\n", body])


_SIGNED = frozenset(SIGNED)


def _signature(
    key: Key, names: list[str], signed: list[bytes], digest: str, at: int
) -> bytes:
    tags = [
        "v=1",
        f"a={key.algorithm}",
        "c=relaxed/relaxed",
        f"d={key.domain}",
        f"s={key.selector}",
        f"t={at}",
        f"h={':'.join(names)}",
        f"bh={digest}",
        "b=",
    ]
    value = _folded("; ".join(tags))
    own = relaxed_field(b"dkim-signature", value)
    made = key.sign(b"".join([*(field + b"\r\n" for field in signed), own]))
    text = base64.b64encode(made).decode()
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return (
        b"DKIM-Signature:" + value + "\r\n ".join(["", *lines, ""]).rstrip(" ").encode()
    )


def _folded(tags: str) -> bytes:
    """In lines, which may end at spaces and after the colons between names."""
    lines, line = [], ""
    for word in tags.replace(":", ": ").split(" "):
        glue = "" if line.endswith(":") or not line else " "
        if line and len(line) + len(glue) + len(word) > _WIDTH:
            lines.append(line)
            line, glue = "", ""
        line += glue + word
    lines.append(line)
    return (" " + "\r\n ".join(lines)).encode()
