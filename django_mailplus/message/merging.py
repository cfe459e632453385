"""Messages that a provider's API would turn into one for each recipient."""

from __future__ import annotations

from django.core.mail import EmailMessage

__all__ = ["MERGED_BY", "merged_by_the_api"]

MERGED_BY = ("merge_data", "merge_headers", "merge_metadata")
"""The attributes by which django-anymail tells an API to write a mail to each in To."""


def merged_by_the_api(message: EmailMessage) -> list[str]:
    """Those of the attributes that a message has.

    Sent as it is, such a message has blanks that nobody fills in, and all in To see each
    other. One that says nothing, and goes to one alone, is the same either way.
    """
    several = len(message.to) > 1
    return [
        name
        for name in MERGED_BY
        if (value := getattr(message, name, None)) is not None and (value or several)
    ]
