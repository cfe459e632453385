"""Every mail is kept for a look in the browser, at /mail/, and goes to the server as well."""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import MAILERS as USUAL
from config.settings import MAILPLUS  # noqa: F401 (as it is)

MAILERS = {
    **USUAL,
    "default": {
        "BACKEND": "django_mailplus.backends.inbox.EmailBackend",
        "OPTIONS": {"using": "smtp"},
    },
    "smtp": USUAL["default"],
}
