"""Which kind of mail a message is, such as "newsletter": its attribute `stream`.

Mailers are chosen by it, and who no longer wants one kind still gets the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.mail import EmailMessage

__all__ = ["stream_of"]


def stream_of(message: EmailMessage) -> str:
    """What its options for the outbox say, or else `message.stream`; "" for neither."""
    options: object = getattr(message, "outbox", None)
    said = (
        options.get("stream")
        if isinstance(options, Mapping)
        else getattr(options, "stream", None)
    )
    for stream in (said, getattr(message, "stream", None)):
        if isinstance(stream, str) and stream:
            return stream
    return ""
