"""The caught mails. Written by `catching` and `changing` alone."""

from __future__ import annotations

from django.db import models, router
from django.utils import timezone

from django_mailplus.columns import ExactCharField

__all__ = ["CaughtMail", "CaughtRecipient", "Kind", "Outcome", "database", "mails"]


class Outcome(models.TextChoices):
    """What became of a mail after it was caught."""

    CAUGHT = "caught"  # nobody else got it
    SENDING = "sending"  # the next mailer has not answered
    ACCEPTED = "accepted"
    PARTIAL = "partial"  # by some of its recipients
    FAILED = "failed"


class Kind(models.TextChoices):
    """Where a recipient stood: `envelope` is nowhere that the others can see."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"
    ENVELOPE = "envelope"


class CaughtMail(models.Model):
    """One mail, and what the list shows of it without reading it again."""

    id = models.BigAutoField(primary_key=True)
    received_at = models.DateTimeField(default=timezone.now)
    is_read = models.BooleanField(default=False)
    sender = models.CharField(max_length=320, blank=True)  # the bare address
    sender_name = models.CharField(max_length=200, blank=True)
    first_recipient = models.CharField(max_length=320, blank=True)
    recipient_count = models.PositiveIntegerField(default=0)
    subject = models.CharField(max_length=255, blank=True)
    first_words = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=20, blank=True)
    link = models.TextField(blank=True)
    link_text = models.CharField(max_length=200, blank=True)
    attachment_count = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField()  # bytes
    source = models.CharField(max_length=10)  # backend or smtp
    mailer = ExactCharField(max_length=100, blank=True)
    conversation = models.CharField(max_length=64, blank=True)  # see `summary`
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    origin = models.JSONField(default=dict)
    delivery = models.JSONField(null=True)
    # Last, for databases read a row from its beginning: lists need none of these.
    searched = models.TextField(blank=True)  # what it says, in small letters
    raw = models.BinaryField()

    class Meta:
        required_db_features = ["supports_json_field"]
        default_permissions = ()  # the pages ask for staff, not for a permission
        # An open list asks each second whether anything is new: this index answers.
        indexes = [
            models.Index(fields=["is_read", "id"], name="mailplus_inbox_news"),
            models.Index(fields=["conversation", "id"], name="mailplus_inbox_talk"),
        ]

    def __str__(self) -> str:
        return str(self.pk)  # in logs and reprs, where no subject belongs

    @property
    def content(self) -> bytes:
        return bytes(self.raw)  # PostgreSQL gives a memoryview


class CaughtRecipient(models.Model):
    """Somebody whom a caught mail goes to."""

    mail = models.ForeignKey(
        CaughtMail, on_delete=models.CASCADE, related_name="recipients"
    )
    key = models.CharField(max_length=64)  # see `lookalike_key`
    address = models.CharField(max_length=320)
    kind = models.CharField(max_length=8, choices=Kind.choices)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["key", "mail"], name="mailplus_inbox_of_one")]

    def __str__(self) -> str:
        return f"{self.kind} {self.mail_id}"


def database() -> str:
    """The database of the inbox: the one that the project's router writes it to."""
    return router.db_for_write(CaughtMail)


def mails() -> models.QuerySet[CaughtMail]:
    """All, newest first, without what they say."""
    rows = CaughtMail.objects.using(database()).order_by("-pk")
    return rows.defer("raw", "searched", "origin", "delivery")
