"""Registers the system checks; does nothing else at start-up."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailplusConfig(AppConfig):
    name = "django_mailplus"
    label = "mailplus"
    verbose_name = _("Mail")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("django_mailplus.checks")
