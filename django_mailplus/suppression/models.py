"""The do-not-mail list. Written by `writing` alone."""

from __future__ import annotations

from django.db import models, router
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_mailplus.columns import ExactCharField
from django_mailplus.suppression.reasons import Reason

__all__ = ["Suppression", "database", "entries"]


class Suppression(models.Model):
    """One address and one reason, for one stream or, with "", for all."""

    key = models.CharField(max_length=64, editable=False)  # see `lookalike_key`
    address = models.CharField(_("address"), max_length=320)
    reason = models.CharField(
        _("reason"), max_length=20, choices=Reason.choices, default=Reason.MANUAL
    )
    stream = ExactCharField(
        _("stream"),
        max_length=100,
        blank=True,
        help_text=_("Empty for all streams that the reason can stop."),
    )
    source = models.CharField(_("source"), max_length=100, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    created_at = models.DateTimeField(
        _("created at"), default=timezone.now, editable=False
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    reported = models.PositiveIntegerField(_("reported"), default=1, editable=False)
    kept_back = models.PositiveIntegerField(
        _("mails kept back"), default=0, editable=False
    )
    last_kept_back_at = models.DateTimeField(
        _("last kept back at"), null=True, editable=False
    )

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = [
            # Its index is also the one that mails are looked up with.
            models.UniqueConstraint(
                fields=["key", "reason", "stream"], name="mailplus_suppression_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.pk}"  # in logs and reprs, where no address belongs


def database() -> str:
    """The database of the list: the one that the project's router writes it to."""
    return router.db_for_write(Suppression)


def entries() -> models.QuerySet[Suppression]:
    """The table as it was written: a replica may not know yet who has just unsubscribed."""
    return Suppression.objects.using(database())
