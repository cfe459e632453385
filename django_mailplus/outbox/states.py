"""The states of a mail in the outbox, and the order in which mails leave."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["FINAL", "LIVE", "Priority", "State"]


class State(models.TextChoices):
    """queued and sending are live; only the others are ever pruned."""

    QUEUED = "queued", _("queued")
    SENDING = "sending", _("sending")
    SENT = "sent", _("sent")
    PARTIAL = "partial", _("partial")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")
    SUPPRESSED = "suppressed", _("suppressed")
    EXPIRED = "expired", _("expired")
    CANCELLED = "cancelled", _("cancelled")
    HELD = "held", _("held")


LIVE = (State.QUEUED, State.SENDING, State.HELD)
FINAL = tuple(state for state in State if state not in LIVE)


class Priority(models.IntegerChoices):
    """The lower the earlier; retries keep theirs."""

    URGENT = 1, _("urgent")
    HIGH = 2, _("high")
    NORMAL = 3, _("normal")
    LOW = 4, _("low")
