"""The admin pages of the rooms, gathered."""

from __future__ import annotations

from django_mailplus.outbox.admin.pages import OutboxMessageAdmin
from django_mailplus.suppression.admin import SuppressionAdmin
from django_mailplus.verification.admin import EmailAddressAdmin

__all__ = ["EmailAddressAdmin", "OutboxMessageAdmin", "SuppressionAdmin"]
