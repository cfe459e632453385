"""Settings of the test suite: one file for every supported Django."""

from __future__ import annotations

import django.core.mail

SECRET_KEY = "for the tests alone"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_mailplus",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
SERVER_EMAIL = "errors@example.com"

MAILERS = {
    "default": {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 9},
    },
    "console": {"BACKEND": "django.core.mail.backends.console.EmailBackend"},
}
if not hasattr(django.core.mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
