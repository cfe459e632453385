"""A copy of a message that a wrapper may change without the caller noticing."""

from __future__ import annotations

import copy
from typing import TypeVar

from django.core.mail import EmailMessage

from django_mailplus.message.stamps import new_date, new_message_id

__all__ = ["copy_message", "freeze"]

Message = TypeVar("Message", bound=EmailMessage)

_CHANGEABLE = (list, dict, set)


def copy_message(message: Message) -> Message:
    """The same message with lists, dicts and sets of its own; their items are shared."""
    copied = copy.copy(message)
    held = vars(copied)
    for name, value in vars(message).items():  # also those that packages put there
        if isinstance(value, _CHANGEABLE):
            plain = type(value) in _CHANGEABLE  # copy() takes as long as all the rest
            held[name] = value.copy() if plain else copy.copy(value)
    # The caller's connection leads back to the wrapper that copies.
    for name in ("connection", "_connection"):  # the second since Django 6.1
        if name in held:
            held[name] = None
    return copied


def freeze(message: Message) -> Message:
    """A copy that carries its Message-ID and Date, so that every try sends the same.

    They stand in `extra_headers` of the copy, where every backend and every snapshot
    finds them; in front, where Django would write them. Those that the message has
    already stay, so to freeze again changes nothing. The message stays as it is, and
    the copy shares its lists. Those given here are named in `mailplus_stamps`, for those
    who cannot send any such.
    """
    frozen = copy.copy(message)
    names = {name.lower() for name in message.extra_headers}
    stamps = {}
    if "date" not in names:
        stamps["Date"] = new_date()
    if "message-id" not in names:
        stamps["Message-ID"] = new_message_id()
    frozen.extra_headers = {**stamps, **message.extra_headers}
    if stamps:
        frozen.mailplus_stamps = tuple(stamps)  # type: ignore[attr-defined]
    return frozen
