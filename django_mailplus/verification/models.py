"""What is known about an address of a user, and how often an address was mailed."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import models, router
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_mailplus import conf
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.verification.mailbox import mailbox_key

__all__ = ["EmailAddress", "SendingAllowance", "database", "make_nonce", "primary"]


def make_nonce() -> str:
    """128 bits that every token of a row is bound to: a new one kills them all."""
    return secrets.token_hex(16)


class EmailAddress(models.Model):
    """One address, one user, one purpose: whether the user has proved to read mail there.

    Rows are changed by `django_mailplus.verification` alone, under a lock on the user.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="mailplus_addresses",
        verbose_name=_("user"),
    )
    email = models.EmailField(_("email address"), max_length=320)
    purpose = models.CharField(_("purpose"), max_length=30, default="verify")
    mailbox_key = models.CharField(max_length=64, editable=False)
    nonce = models.CharField(max_length=32, default=make_nonce, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    # Unique while it is not NULL, on every database: two users never prove one address.
    verified_key = models.CharField(  # noqa: DJ001 (NULLs are distinct, empty strings are not)
        max_length=100, null=True, unique=True, default=None, editable=False
    )
    reported_at = models.DateTimeField(_("reported at"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=35, blank=True)
    activates_user = models.BooleanField(
        _("activates the user"),
        default=False,
        help_text=_("The account was made inactive until this address is confirmed."),
    )
    previous_email = models.CharField(
        _("previous address"), max_length=320, blank=True, editable=False
    )
    previous_verified = models.BooleanField(default=False, editable=False)
    code_hash = models.CharField(max_length=64, blank=True, editable=False)
    code_ticket = models.CharField(max_length=32, blank=True, editable=False)
    code_expires_at = models.DateTimeField(null=True, editable=False)
    code_attempts = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("email address")
        verbose_name_plural = _("email addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "purpose", "mailbox_key"],
                name="mailplus_address_once_per_user",
            )
        ]
        indexes = [
            models.Index(
                fields=["mailbox_key", "purpose"], name="mailplus_address_mailbox"
            )
        ]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def of(cls, user: Any, email: str, purpose: str = "verify") -> EmailAddress:
        """A row that is not saved yet."""
        key = mailbox_key(email)
        return cls(user=user, email=email, purpose=purpose, mailbox_key=key)

    @property
    def unique_key(self) -> str:
        """What `verified_key` becomes when the address is proved."""
        return f"{self.purpose}:{lookalike_key(self.email)}"


def database() -> str:
    """The database of the addresses: the one that the project's router writes them to."""
    return router.db_for_write(EmailAddress)


def primary() -> models.QuerySet[EmailAddress]:
    """The table as it was written: a replica may not know yet what was just mailed."""
    return EmailAddress.objects.using(database())


class SendingAllowance(models.Model):
    """How often something was mailed in the current day, known by a digest alone."""

    key = models.CharField(max_length=64, primary_key=True)
    last_sent_at = models.DateTimeField()
    window_started_at = models.DateTimeField(db_index=True)
    sent_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.sent_count} since {self.window_started_at:%Y-%m-%d %H:%M}"


def _waits_no_more(user: Any) -> None:
    if conf.setting("VERIFICATION_STORE") == "is_active":
        waiting = primary().filter(user_id=user.pk, activates_user=True)
        waiting.update(activates_user=False)


@receiver(post_save, dispatch_uid=__name__)  # the sender may be a proxy or a child
def _saved(
    instance: Any, update_fields: Collection[str] | None, raw: bool, **kwargs: Any
) -> None:
    """Whoever was helped by hand and is banned later must not be activated by an old link."""
    if raw or not isinstance(instance, get_user_model()):
        return
    written = update_fields is None or "is_active" in update_fields
    if written and getattr(instance, "is_active", True):
        _waits_no_more(instance)


@receiver(user_logged_in, dispatch_uid=__name__)
def _logged_in(user: Any, **kwargs: Any) -> None:
    if getattr(user, "is_active", True):
        _waits_no_more(user)
