"""Messages that a provider's API would turn into one for each recipient."""

from __future__ import annotations

from django.core.mail import EmailMessage

__all__ = ["merged_by_the_api"]

_ATTRIBUTES = ("merge_data", "merge_headers", "merge_metadata")


def merged_by_the_api(message: EmailMessage) -> list[str]:
    """The attributes by which django-anymail tells an API to write a mail to each in To.

    Sent as it is, such a message has blanks that nobody fills in, and all in To see each
    other. One that says nothing, and goes to one alone, is the same either way.
    """
    several = len(message.to) > 1
    return [
        name
        for name in _ATTRIBUTES
        if (value := getattr(message, name, None)) is not None and (value or several)
    ]
