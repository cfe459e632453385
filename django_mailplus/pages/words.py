"""Words for readers of pages and mails, in the active language."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.timesince import timesince

__all__ = ["in_words"]


def in_words(span: timedelta) -> str:
    """A span of time by its largest unit: "3 days"."""
    now = timezone.now()
    return timesince(now - span, now, depth=1)
