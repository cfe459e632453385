"""Settings of the processes of the survival tests, from the environment."""

from __future__ import annotations

import json
import os

import django.core.mail

_stage = json.loads(os.environ["MAILPLUS_STAGE"])

if _stage["database"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # of the driver that Django asks for
    pymysql.install_as_MySQLdb()

SECRET_KEY = "for the tests alone"
USE_TZ = True
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_mailplus",
]
ROOT_URLCONF = "clerk_views"
DATABASES = {"default": {**_stage["database"], "ATOMIC_REQUESTS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_OUTBOX = "django_mailplus.backends.outbox.EmailBackend"
_WORKER = {"using": "smtp", "dispatch": "worker", "lease": 2.0}
MAILERS = {
    "default": {"BACKEND": _OUTBOX, "OPTIONS": _WORKER},
    "hold": {"BACKEND": _OUTBOX, "OPTIONS": {**_WORKER, "on_unknown": "hold"}},
    "thread": {"BACKEND": _OUTBOX, "OPTIONS": {**_WORKER, "dispatch": "thread"}},
    "smtp": {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": "127.0.0.1",
            "port": _stage["port"],
            "timeout": 10,
            "concurrency": _stage["concurrency"],
        },
    },
}
if not hasattr(django.core.mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(process)d %(name)s %(message)s"}},
    "handlers": {"log": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["log"], "level": "WARNING"},
}
