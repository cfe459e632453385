"""Registers the system checks, and listens to django-anymail where the project has it."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class MailplusConfig(AppConfig):
    name = "django_mailplus"
    label = "mailplus"
    verbose_name = _("Mail")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("django_mailplus.checks")
        if apps.is_installed("anymail"):
            import_module("django_mailplus.tracking.receiving").connect()
