"""The tables of the outbox, and nothing that writes them.

Mails are written by `storing`, which keeps new ones, by `claims`, `recording`,
`one_statement` and `reaping` for the workers, by `transitions` for people, and by
`retention`; contents by `blobs`, and the states of mailers by `pausing` and `rates`.
Nobody else does, but for events, which the room `tracking` writes.

A mail is one row to claim and one with what it says. Rows for single recipients are
written once their fates differ, rows for attempts once one was made, and rows for what
a provider says only where one was asked.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import uuid
from typing import Any

from django.db import models, router
from django.utils.translation import gettext_lazy as _

from django_mailplus.columns import ExactCharField
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.states import Priority, State

__all__ = [
    "NO_MAILER",
    "Attempt",
    "Blob",
    "MailerState",
    "OutboxMessage",
    "Payload",
    "ProviderMessage",
    "Recipient",
    "TrackingEvent",
    "database",
    "new_id",
]


_newest = 0
_counting = threading.Lock()


def new_id() -> uuid.UUID:
    """A UUID that sorts by time (RFC 9562, version 7), those of one process in order.

    Known before the row is written: the rows of a mail need no answer to one another.
    """
    global _newest
    bits = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76 | 0x3 << 62) | 0x7 << 76 | 0x2 << 62
    with _counting:
        _newest = max(bits, _newest + 1)
        return uuid.UUID(int=_newest)


def _start_child() -> None:
    """A thread of the parent may have held the lock; and its next id is not ours."""
    global _counting, _newest
    _counting = threading.Lock()
    _newest = 0


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_start_child)


class OutboxMessage(models.Model):
    """What a worker needs to know to choose a mail; what it says is in its `Payload`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.QUEUED
    )
    mailer = ExactCharField(_("mailer"), max_length=100)  # the one that sends
    priority = models.PositiveSmallIntegerField(
        _("priority"), choices=Priority.choices, default=Priority.NORMAL
    )
    due_at = models.DateTimeField(_("due at"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    give_up_at = models.DateTimeField(_("retried until"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claim_token = models.CharField(max_length=32, blank=True, editable=False)
    claimed_by = models.CharField(_("worker"), max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, editable=False)
    handover_started_at = models.DateTimeField(null=True, editable=False)
    hold_unknown = models.BooleanField(default=False, editable=False)
    sensitive = models.BooleanField(
        _("sensitive"),
        default=False,
        help_text=_("What it says is never shown, and erased once it was sent."),
    )
    stream = models.CharField(_("stream"), max_length=100, blank=True)
    message_id = models.CharField(_("message ID"), max_length=255)
    mail_from = models.CharField(_("sender"), max_length=320)
    recipients = models.JSONField(_("recipients"))  # bare addresses
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    # Several NULLs are distinct on every database, empty strings are not.
    idempotency_key = ExactCharField(
        _("idempotency key"), max_length=200, null=True, default=None
    )
    created_at = models.DateTimeField(_("created at"), default=DatabaseNow)
    finalised_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    code = models.PositiveSmallIntegerField(_("code"), null=True, blank=True)
    enhanced = models.CharField(max_length=11, blank=True)
    text = models.CharField(_("reply"), max_length=500, blank=True)

    is_new = True  # False where `enqueue` found it by its idempotency key

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("outbox")
        # Said here, the system checks need not connect to a database to find out.
        required_db_features = ["supports_json_field"]
        indexes = [
            # What `claim` reads, in its order.
            models.Index(
                fields=["state", "mailer", "priority", "due_at", "id"],
                name="mailplus_outbox_claim",
            ),
            models.Index(
                fields=["state", "finalised_at"], name="mailplus_outbox_final"
            ),
            # Not `db_index`, with which PostgreSQL gets a second one for LIKE.
            models.Index(fields=["message_id"], name="mailplus_outbox_message_id"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_key"], name="mailplus_outbox_key_once"
            )
        ]
        permissions = [
            ("send_outboxmessage", "Can retry, hold, release and cancel mails"),
            ("view_outbox_content", "Can read what mails say"),
        ]

    def __str__(self) -> str:
        return str(self.pk)  # in logs and reprs, where no subject belongs


class Blob(models.Model):
    """A content that mails share, such as an attachment, by its SHA-256."""

    digest = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField(null=True)
    file = models.CharField(max_length=255, blank=True)  # in a storage, when large
    size = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return self.digest


class Payload(models.Model):
    """What a mail says, as `message.snapshot` wrote it."""

    mail = models.OneToOneField(
        OutboxMessage,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="payload",
    )
    # Text, for PostgreSQL's JSON cannot hold a NUL, which a body may.
    document = models.TextField()
    blobs: Any = models.ManyToManyField(Blob, related_name="payloads")

    def __str__(self) -> str:
        return f"content of {self.pk}"


class Recipient(models.Model):
    """The fate of one recipient, where it is not that of the whole mail."""

    mail = models.ForeignKey(
        OutboxMessage, on_delete=models.CASCADE, related_name="fates"
    )
    address = ExactCharField(_("address"), max_length=320)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    code = models.PositiveSmallIntegerField(_("code"), null=True)
    enhanced = models.CharField(max_length=11, blank=True)
    text = models.CharField(_("reply"), max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mail", "address"], name="mailplus_outbox_recipient_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.mail_id}"


class Attempt(models.Model):
    """One try: never changed."""

    mail = models.ForeignKey(
        OutboxMessage, on_delete=models.CASCADE, related_name="tries"
    )
    ended_at = models.DateTimeField(_("ended at"), default=DatabaseNow)
    seconds = models.FloatField(_("seconds"), default=0.0)
    worker = models.CharField(_("worker"), max_length=100)
    mailer = models.CharField(_("mailer"), max_length=100)
    outcome = models.CharField(_("outcome"), max_length=20)
    code = models.PositiveSmallIntegerField(_("code"), null=True)
    enhanced = models.CharField(max_length=11, blank=True)
    text = models.CharField(_("reply"), max_length=500, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.outcome} {self.mail_id}"


class ProviderMessage(models.Model):
    """What the API of a provider calls a mail, by which its events find it: never changed.

    One row where it is the same for all recipients; then `address` is empty.
    """

    mail = models.ForeignKey(
        OutboxMessage, on_delete=models.CASCADE, related_name="provider_messages"
    )
    provider = models.CharField(max_length=50, blank=True)
    external_id = ExactCharField(max_length=255, blank=True)
    address = ExactCharField(max_length=320, blank=True)
    status = models.CharField(max_length=20, blank=True)

    class Meta:
        indexes = [models.Index(fields=["external_id"], name="mailplus_external_id")]

    def __str__(self) -> str:
        return f"{self.status} {self.mail_id}"


class TrackingEvent(models.Model):
    """What a provider told of a mail after it had taken it: never changed.

    `kind` is how the event counts for the do-not-mail list: see `tracking.classifier`.
    """

    mail = models.ForeignKey(
        OutboxMessage, on_delete=models.CASCADE, related_name="events"
    )
    key = models.CharField(max_length=64)  # a SHA-256: it may be told twice
    provider = models.CharField(max_length=50)
    address = ExactCharField(max_length=320, blank=True)
    type = models.CharField(max_length=20)  # in the words of django-anymail
    kind = models.CharField(max_length=12, blank=True)
    happened_at = models.DateTimeField(default=DatabaseNow)
    received_at = models.DateTimeField(default=DatabaseNow)
    event_id = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=20, blank=True)
    text = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["happened_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="mailplus_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.mail_id}"


NO_MAILER = "\x1f"
"""Begins the alias of a state that is of no mailer behind an outbox: see `rates`."""


class MailerState(models.Model):
    """What all workers know of a mailer: whether it is paused, and how fast it may go."""

    alias = ExactCharField(_("mailer"), max_length=100, primary_key=True)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    paused_by_hand = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    free_at = models.DateTimeField(null=True, editable=False)  # see `rates`

    class Meta:
        verbose_name = _("mailer")
        verbose_name_plural = _("mailers")

    def __str__(self) -> str:
        return str(self.alias)


def database() -> str:
    """The database of the outbox: the one that the project's router writes it to."""
    return router.db_for_write(OutboxMessage)
