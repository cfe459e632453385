"""Settings of the example: everything from the environment, everything with a working default.

A file named `.env` beside manage.py is read if there is one; `.env.example` shows what may stand in it.
"""

from __future__ import annotations

from pathlib import Path

import django.core.mail
import environ  # noqa: TID253 (the example always has it: pip install -e ".[demo]")

from django_mailplus.compat import PEOPLE_ARE_ADDRESSES
from django_mailplus.env import mailers_from_env

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=True)
if DEBUG:
    SECRET_KEY = env.str("SECRET_KEY", default="only-good-enough-while-developing")
else:
    SECRET_KEY = env.str("SECRET_KEY")  # without DEBUG there is no default on purpose
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])

# --- Mail -------------------------------------------------------------------------------------

# One URL per mailer: MAILERS_DEFAULT_URL, MAILERS_NEWSLETTER_URL and so on, or one EMAIL_URL.
# Without any, mail goes to the development mail server: manage.py demo, or manage.py runmailserver.
MAILERS = mailers_from_env(env, default="smtp://127.0.0.1:8025")
# The page "Choosing a mailer" needs a second one; it may well be the same server.
MAILERS.setdefault("newsletter", MAILERS["default"])
# The page "The server is down" needs one that fails. Nothing listens on port 1.
MAILERS.setdefault(
    "unreachable",
    {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 3},
    },
)
# The page "A mail that waits" needs an outbox: mails wait in the database until they are sent.
MAILERS.setdefault(
    "outbox",
    {
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {"using": "default"},
    },
)
# The page "A newsletter people can leave" needs one that looks at the do-not-mail list.
MAILERS.setdefault(
    "list",
    {
        "BACKEND": "django_mailplus.backends.suppression.EmailBackend",
        "OPTIONS": {"using": "default"},
    },
)
if not hasattr(django.core.mail, "mailers"):
    # Before Django 6.1 this one line makes the whole project use MAILERS.
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"

DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default="Fern & Kettle <shop@example.com>"
)
SERVER_EMAIL = env.str("SERVER_EMAIL", default="server@example.com")
EMAIL_SUBJECT_PREFIX = "[Fern & Kettle] "

ADMINS = env.list("ADMINS", default=["admin@example.com"])
MANAGERS = env.list("MANAGERS", default=["manager@example.com"])
if not PEOPLE_ARE_ADDRESSES:
    # Django 5.2 insists on (name, address) pairs; 6.0 and later want the plain addresses.
    ADMINS = [("", address) for address in ADMINS]
    MANAGERS = [("", address) for address in MANAGERS]

MAILPLUS = {
    # The address of the site, for links in mails. The default is right on this machine alone.
    "BASE_URL": env.str("BASE_URL", default="http://127.0.0.1:8000"),
    # What people can leave, and what its pages call it.
    "BULK_STREAMS": {"newsletter": "The harvest letter"},
    # A link for whoever reads mail on another device, a code for whoever reads it beside this page.
    "VERIFICATION_METHOD": "both",
    # Whoever signs up and proves the address in one browser need not type the password again.
    "VERIFICATION_LOGIN_ON_VERIFY": True,
    # That page says what is possible now.
    "VERIFICATION_SUCCESS_URL": "account",
}

# --- Django -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "website",  # before django_mailplus, whose templates it replaces
    "django_mailplus",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "website.middleware.content_security_policy",
    "website.middleware.only_utf8_forms",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
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
        },
    },
]

DATABASES = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Pages and the outbox write side by side.
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
