"""The tables of the verification of addresses."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import django_mailplus.verification.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SendingAllowance",
            fields=[
                (
                    "key",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
                ("last_sent_at", models.DateTimeField()),
                ("window_started_at", models.DateTimeField(db_index=True)),
                ("sent_count", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="EmailAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "email",
                    models.EmailField(max_length=320, verbose_name="email address"),
                ),
                (
                    "purpose",
                    models.CharField(
                        default="verify", max_length=30, verbose_name="purpose"
                    ),
                ),
                ("mailbox_key", models.CharField(editable=False, max_length=64)),
                (
                    "nonce",
                    models.CharField(
                        default=django_mailplus.verification.models.make_nonce,
                        editable=False,
                        max_length=32,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="created at"
                    ),
                ),
                (
                    "verified_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="verified at"
                    ),
                ),
                (
                    "verified_key",
                    models.CharField(
                        default=None,
                        editable=False,
                        max_length=100,
                        null=True,
                        unique=True,
                    ),
                ),
                (
                    "reported_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="reported at"
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True, max_length=35, verbose_name="language"
                    ),
                ),
                (
                    "activates_user",
                    models.BooleanField(
                        default=False,
                        help_text="The account was made inactive until this address is confirmed.",
                        verbose_name="activates the user",
                    ),
                ),
                (
                    "previous_email",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=320,
                        verbose_name="previous address",
                    ),
                ),
                (
                    "previous_verified",
                    models.BooleanField(default=False, editable=False),
                ),
                (
                    "code_hash",
                    models.CharField(blank=True, editable=False, max_length=64),
                ),
                (
                    "code_ticket",
                    models.CharField(blank=True, editable=False, max_length=32),
                ),
                ("code_expires_at", models.DateTimeField(editable=False, null=True)),
                (
                    "code_attempts",
                    models.PositiveSmallIntegerField(default=0, editable=False),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mailplus_addresses",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "email address",
                "verbose_name_plural": "email addresses",
                "indexes": [
                    models.Index(
                        fields=["mailbox_key", "purpose"],
                        name="mailplus_address_mailbox",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "purpose", "mailbox_key"),
                        name="mailplus_address_once_per_user",
                    )
                ],
            },
        ),
    ]
