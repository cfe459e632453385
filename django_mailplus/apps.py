"""Registers the system checks; does nothing else at start-up."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class MailplusConfig(AppConfig):
    name = "django_mailplus"
    label = "mailplus"
    verbose_name = "Mail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("django_mailplus.checks")
