"""A staging site: mail to anybody but the team goes to the team."""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import MAILERS as USUAL
from config.settings import MAILPLUS as USUAL_MAILPLUS

MAILERS = {
    **USUAL,
    "default": {
        "BACKEND": "django_mailplus.backends.redirect.EmailBackend",
        "OPTIONS": {"using": "smtp", "to": ["team@example.com"]},
    },
    "smtp": USUAL["default"],
}
MAILPLUS = {**USUAL_MAILPLUS, "ENVIRONMENT": "staging"}
