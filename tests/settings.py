"""Settings of the test suite: one file for every supported Django.

Other settings for a whole run: MAILPLUS_TEST_USER (a model of `people`),
MAILPLUS_TEST_DATABASE (postgresql or mysql, on this machine; or file, for SQLite in
MAILPLUS_TEST_FILE; MAILPLUS_TEST_NAME, of the test database), MAILPLUS_TEST_APP.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import django.core.mail

SECRET_KEY = "for the tests alone"
USE_TZ = True
ALLOWED_HOSTS = ["testserver", "shop.example.com", "127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_mailplus",
]
MIDDLEWARE = [
    "page_policy.page_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
PAGE_POLICY = ""  # a Content-Security-Policy
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "string_if_invalid": "MISSING {{ %s }}",
        },
    }
]
ROOT_URLCONF = "site_urls"
STATIC_URL = "static/"
LOGIN_URL = "/accounts/login/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if find_spec("anymail"):
    INSTALLED_APPS.append("anymail")
if app := os.environ.get("MAILPLUS_TEST_APP"):
    INSTALLED_APPS.append(app)
    SITE_ID = 1
if user := os.environ.get("MAILPLUS_TEST_USER"):
    INSTALLED_APPS.append("people")
    INSTALLED_APPS.remove("django.contrib.admin")  # wants users of Django's own kind
    AUTH_USER_MODEL = f"people.{user}"
if os.environ.get("MAILPLUS_TEST_DATABASE") == "mysql":
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # of the driver that Django asks for
    pymysql.install_as_MySQLdb()
DATABASES: dict[str, Any] = {
    "default": {
        "": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
        "file": {
            "ENGINE": "django.db.backends.sqlite3",
            "OPTIONS": {"timeout": 30},
            "TEST": {"NAME": os.environ.get("MAILPLUS_TEST_FILE")},
        },
        "postgresql": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": "127.0.0.1",
        },
        "mysql": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "test",
            "USER": "root",
            "HOST": "127.0.0.1",
        },
    }[os.environ.get("MAILPLUS_TEST_DATABASE", "")]
}
DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
SERVER_EMAIL = "errors@example.com"

MAILERS = {
    "default": {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 9},
    },
    "console": {"BACKEND": "django.core.mail.backends.console.EmailBackend"},
}
if (name := os.environ.get("MAILPLUS_TEST_NAME")) and "HOST" in DATABASES["default"]:
    # So that two runs can share a server. SQLite would leave memory for a file.
    DATABASES["default"] |= {"TEST": {"NAME": f"test_{name}"}}
if not hasattr(django.core.mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
