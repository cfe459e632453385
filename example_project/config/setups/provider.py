"""A provider's API by django-anymail, behind an outbox and the do-not-mail list.

It needs `pip install "django-mailplus[anymail]"`; its webhooks are under /anymail/ where there
is an ANYMAIL_WEBHOOK_SECRET. The demo sends to its own server all the same.
"""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import INSTALLED_APPS as USUAL_APPS
from config.settings import MAILERS as USUAL
from config.settings import env

INSTALLED_APPS = [*USUAL_APPS, "anymail"]
OUTBOX = {
    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
    "OPTIONS": {"using": "allowed"},
}
MAILERS = {
    **USUAL,
    "default": OUTBOX,
    "outbox": OUTBOX,
    "allowed": {
        "BACKEND": "django_mailplus.backends.suppression.EmailBackend",
        "OPTIONS": {"using": "postmark"},
    },
    "postmark": {
        "BACKEND": "anymail.backends.postmark.EmailBackend",
        "OPTIONS": {"server_token": env.str("POSTMARK_SERVER_TOKEN", default="")},
    },
}
# Whoever knows it can put anybody on the do-not-mail list: without one nobody can.
WEBHOOK_SECRET = env.str("ANYMAIL_WEBHOOK_SECRET", default="")
ANYMAIL = {"WEBHOOK_SECRET": WEBHOOK_SECRET} if WEBHOOK_SECRET else {}
