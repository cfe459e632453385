"""A copy of a message that a wrapper may change without the caller noticing."""

from __future__ import annotations

import copy
from typing import TypeVar

from django.core.mail import EmailMessage

__all__ = ["copy_message"]

Message = TypeVar("Message", bound=EmailMessage)

_LISTS = ("to", "cc", "bcc", "reply_to", "attachments", "alternatives")


def copy_message(message: Message) -> Message:
    """The same message with lists and headers of its own; their items are shared."""
    copied = copy.copy(message)
    for name in _LISTS:
        if (value := getattr(message, name, None)) is not None:
            setattr(copied, name, list(value))
    copied.extra_headers = dict(message.extra_headers)
    # The caller's connection leads back to the wrapper that copies.
    for name in ("connection", "_connection"):  # the second since Django 6.1
        if name in copied.__dict__:
            copied.__dict__[name] = None
    return copied
