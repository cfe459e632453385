"""Why somebody is not mailed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Reason"]


class Reason(models.TextChoices):
    """All but `UNSUBSCRIBE` hold for every mail; that one for bulk mail alone."""

    HARD_BOUNCE = "hard_bounce", _("the mailbox does not exist")
    COMPLAINT = "complaint", _("reported as spam")
    UNSUBSCRIBE = "unsubscribe", _("unsubscribed")
    MANUAL = "manual", _("entered by hand")
    INVALID = "invalid", _("not an address")
