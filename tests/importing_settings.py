"""A project that comes from another outbox, before (IMPORTING_FROM) and after its move."""

from __future__ import annotations

import os
from pathlib import Path

import django.core.mail

OLD = os.environ.get("IMPORTING_FROM", "")
PORT = int(os.environ.get("IMPORTING_PORT", "9"))
FOLDER = Path(os.environ["IMPORTING_FOLDER"])
vendor, _, name = os.environ["IMPORTING_DATABASE"].partition(":")
NATIVE = hasattr(django.core.mail, "mailers")

SECRET_KEY = "for the tests alone"
USE_TZ = os.environ.get("IMPORTING_TZ", "1") == "1"
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "post_office",
    "mailer",
    "django_mailplus",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
MEDIA_ROOT = FOLDER / "media"
SERVER = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
    },
    "postgresql": {
        "ENGINE": "django.db.backends.postgresql",
        "USER": "postgres",
        "HOST": "127.0.0.1",
    },
    "mysql": {
        "ENGINE": "django.db.backends.mysql",
        "USER": "root",
        "HOST": "127.0.0.1",
    },
}[vendor]
DATABASES = {"default": {**SERVER, "NAME": name}}
if vendor == "mysql":
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # of the driver that Django asks for
    pymysql.install_as_MySQLdb()
if elsewhere := os.environ.get("IMPORTING_ELSEWHERE"):  # the outbox in another database
    DATABASES["elsewhere"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": elsewhere,
    }
    DATABASE_ROUTERS = ["importing_settings.Elsewhere"]


class Elsewhere:
    def db_for_read(self, model, **hints):
        return "elsewhere" if model._meta.app_label == "mailplus" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return app_label != "mailplus" or db == "elsewhere"


TEMPLATES = [
    {
        "BACKEND": "post_office.template.backends.post_office.PostOfficeTemplates",
        "NAME": "post_office",
        "APP_DIRS": True,
        "OPTIONS": {},
    },
    {"BACKEND": "django.template.backends.django.DjangoTemplates"},
]
DJANGOS_SMTP = "django.core.mail.backends.smtp.EmailBackend"
POST_OFFICE = {
    "TEMPLATE_ENGINE": "post_office",
    "MESSAGE_ID_ENABLED": True,
    "LOCK_FILE_NAME": os.environ.get("IMPORTING_LOCK", "importing_test"),
    "MAX_RETRIES": 3,
    "BACKENDS": {"default": DJANGOS_SMTP, "bulk": DJANGOS_SMTP},
}
if os.environ.get("IMPORTING_STAGING"):
    POST_OFFICE["OVERRIDE_RECIPIENTS"] = ["tester@example.com"]
MAILER_LOCK_PATH = str(FOLDER / "send_mail")
MAILER_EMAIL_BACKEND = DJANGOS_SMTP
MAILER_EMAIL_MAX_RETRIES = 2

if OLD:
    EMAIL_HOST, EMAIL_PORT = "127.0.0.1", PORT
    EMAIL_BACKEND = {
        "post_office": "post_office.EmailBackend",
        "mailer": "mailer.backend.DbBackend",
    }[OLD]
else:
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": PORT},
    }
    MAILERS = {
        alias: {
            "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
            "OPTIONS": {"using": sender, "dispatch": "worker", "on_unknown": "hold"},
        }
        for alias, sender in [("default", "smtp"), ("newsletter", "bulk_smtp")]
    } | {"smtp": smtp, "bulk_smtp": smtp, "alone": smtp}
    if not NATIVE:
        EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
