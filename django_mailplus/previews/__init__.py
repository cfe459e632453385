"""Mails to look at before they are sent: every mail, every case, every language."""

from __future__ import annotations

from django_mailplus.previews.finding import preview

__all__ = ["preview"]
