"""What a mail says, for those who may read it; in safe parts, or a word on why not.

Sensitive mails end here, so that no page can forget them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from django.db import Error as DatabaseError
from django.db.models import Sum

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message.snapshot import restore
from django_mailplus.message.wire import to_bytes
from django_mailplus.outbox.models import Blob, OutboxMessage, Payload, database
from django_mailplus.outbox.rows import blobs
from django_mailplus.viewer import AttachmentView, MessageView, attached, view

__all__ = [
    "LARGEST_SHOWN",
    "Content",
    "UnreadableError",
    "read_attachment",
    "read_bytes",
    "read_content",
]

LARGEST_SHOWN = 10_000_000
"""Bytes of a mail that is taken apart for a page; a larger one can be downloaded."""

Why = Literal["sensitive", "erased", "broken", "large"]


class UnreadableError(Exception):
    """There is nothing to show: `why`, and in `detail` words that tell nothing of the mail."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Content:
    raw: bytes
    view: MessageView


def read_content(mail: OutboxMessage) -> Content:
    """The mail as it is sent, and its parts. Raises `UnreadableError`."""
    raw = _small_enough(mail)
    return Content(raw=raw, view=view(raw))


def read_attachment(
    mail: OutboxMessage, number: int
) -> tuple[AttachmentView, bytes] | None:
    """One of the attachments that `read_content` lists. Raises `UnreadableError`."""
    return attached(_small_enough(mail), number)


def read_bytes(mail: OutboxMessage) -> bytes:
    """The mail as it is sent, whatever its size. Raises `UnreadableError`."""
    return _written(_document(mail))


def _small_enough(mail: OutboxMessage) -> bytes:
    """To be taken apart."""
    document = _document(mail)
    payload = Payload.objects.using(database()).filter(pk=mail.pk)
    size = payload.aggregate(size=Sum("blobs__size"))["size"] or 0
    if len(document) + size > LARGEST_SHOWN:
        raise UnreadableError("large")
    return _written(document)


def _document(mail: OutboxMessage) -> str:
    if mail.sensitive:
        raise UnreadableError("sensitive")
    payloads = Payload.objects.using(database()).filter(pk=mail.pk)
    document = payloads.values_list("document", flat=True).first()
    if document is None:
        raise UnreadableError("erased")
    return document


def _written(document: str) -> bytes:
    try:
        return to_bytes(restore(json.loads(document), _load))
    except DatabaseError:
        raise
    except SnapshotError as error:  # its words are never those of the mail
        raise UnreadableError("broken", str(error)) from None
    except Exception as error:  # whatever a storage, a parser or Django raises
        raise UnreadableError("broken", type(error).__name__) from None


def _load(digest: str) -> bytes:
    try:
        return blobs.load(digest)
    except Blob.DoesNotExist:
        raise LookupError(digest) from None
