"""EmailMessage to JSON and back: what a queue stores, whoever reads it later.

Version 1 of the document has the attributes of the message under their names; what is
left out is as Django has it by itself. Readers pass over keys that they do not know: a
key whose loss would change the mail needs a new version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.errors import MessageError
from hashlib import sha256
from typing import Any

from django.core.mail import EmailMessage

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message.capture import capture
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.rebuild import rebuild
from django_mailplus.message.values import INLINE_LIMIT, NotCarriedError

__all__ = ["INLINE_LIMIT", "Snapshot", "differences", "restore", "take"]

VERSION = 1

# What reading a damaged document raises. Lack of memory and the like is no damage.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MessageError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Snapshot:
    """One message: `document` for json.dumps(), and `blobs` to be stored beside it.

    A blob is a content of more than INLINE_LIMIT bytes under its SHA-256 in hexadecimal;
    the document lists its own under "blobs".
    """

    document: dict[str, Any]
    blobs: dict[str, bytes]

    def __repr__(self) -> str:  # words and addresses stay out of logs
        return f"<Snapshot of version {self.document['v']}, {len(self.blobs)} blobs>"


def take(message: EmailMessage) -> Snapshot:
    """A message as JSON and blobs. The message stays as it is.

    Lazy texts are taken as they read in the active language, octets of any kind as bytes. Of a class that writes its
    messages itself the bytes are kept: it is called, and may raise what it raises. Message-ID
    and Date are as on the message; see `freeze`. Raises `SnapshotError` for what cannot be
    carried.
    """
    if not isinstance(message, EmailMessage):
        raise SnapshotError(
            f"A {type(message).__qualname__} is no message. A snapshot is of Django's "
            "EmailMessage or a subclass: build one of these."
        )
    blobs: dict[str, bytes] = {}
    try:
        document = {"v": VERSION, **capture(message, blobs), "blobs": list(blobs)}
    except NotCarriedError as error:
        raise SnapshotError(
            f"The message cannot be kept: {error}. A snapshot holds text, numbers, dates, "
            "bytes, and lists and dicts of these. Turn the value into one of them, or "
            "take the attribute off the message before it is sent."
        ) from None
    except RecursionError:
        raise SnapshotError(
            "The message cannot be kept: a value in it holds itself, or too many within "
            "each other. A snapshot holds values that end: take this one out."
        ) from None
    return Snapshot(document=document, blobs=blobs)


def restore(document: dict[str, Any], load: Callable[[str], bytes]) -> EmailMessage:
    """The message of a document; `load` gives a blob by its SHA-256.

    A LookupError of `load` says that there is no such blob; its other errors pass.
    Raises `SnapshotError` for what is damaged, and for what a newer version wrote.
    """
    _check_version(document)
    blobs = _loaded(document.get("blobs", []), load)
    try:
        return rebuild(document, blobs)
    except _DAMAGE as error:
        # Not the error itself: its words, or its object, may be those of the mail.
        raise _damaged(f"it cannot be read ({type(error).__name__})") from None


def differences(message: EmailMessage, other: EmailMessage) -> list[str]:
    """The attributes in which two messages differ, as far as snapshots tell.

    Where just one is finished bytes, these are not compared: a class that writes its
    messages itself may do so in other words each time. Raises as `take` does.
    """
    one, two = _flat(take(message).document), _flat(take(other).document)
    if isinstance(message, FinishedMessage) is not isinstance(other, FinishedMessage):
        for each in (one, two):
            if "finished" in each:
                each["finished"] = None
    absent = object()
    names = dict.fromkeys([*one, *two])
    return [name for name in names if one.get(name, absent) != two.get(name, absent)]


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    attributes = dict(document.pop("attributes", []))
    return {name: document[name] for name in document if name != "blobs"} | attributes


def _check_version(document: dict[str, Any]) -> None:
    if type(document) is not dict:
        raise _damaged(f"it is a {type(document).__qualname__}, not a dict")
    version: object = document.get("v")
    if type(version) is not int or version < 1:
        raise _damaged("it has no version")
    if version > VERSION:
        raise SnapshotError(
            f"A newer version of django-mailplus wrote this snapshot: it has version "
            f"{version}, and this one reads up to {VERSION}. Upgrade django-mailplus in the "
            "process that reads it.",
            newer=True,
        )


def _loaded(digests: Any, load: Callable[[str], bytes]) -> dict[str, bytes]:
    if type(digests) is not list or not all(type(each) is str for each in digests):
        raise _damaged("its list of blobs is none")
    blobs = {}
    for digest in digests:
        try:
            blobs[digest] = bytes(load(digest))  # databases may give a memoryview
        except LookupError as error:
            raise _damaged(f"its blob {digest[:64]!r} is missing") from error
        if sha256(blobs[digest]).hexdigest() != digest:
            raise _damaged(f"its blob {digest[:64]!r} has another content")
    return blobs


def _damaged(how: str) -> SnapshotError:
    return SnapshotError(
        f"The snapshot is damaged: {how}. It has to be what take() gave, after JSON, "
        "with all of its blobs. Restore it from a backup, or send the mail anew."
    )
