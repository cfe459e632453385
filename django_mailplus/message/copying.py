"""A copy of a message that a wrapper may change without the caller noticing."""

from __future__ import annotations

import copy
from typing import TypeVar

from django.core.mail import EmailMessage

__all__ = ["copy_message"]

Message = TypeVar("Message", bound=EmailMessage)


def copy_message(message: Message) -> Message:
    """The same message with lists, dicts and sets of its own; their items are shared."""
    copied = copy.copy(message)
    for name, value in vars(message).items():  # also those that packages put there
        if isinstance(value, list | dict | set):
            vars(copied)[name] = copy.copy(value)
    # The caller's connection leads back to the wrapper that copies.
    for name in ("connection", "_connection"):  # the second since Django 6.1
        if name in copied.__dict__:
            copied.__dict__[name] = None
    return copied
