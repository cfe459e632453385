"""The models of the rooms that own tables, gathered so that the app has one history."""

from __future__ import annotations

from django_mailplus.verification.models import EmailAddress, SendingAllowance

__all__ = ["EmailAddress", "SendingAllowance"]
