"""Newsletters one way, all other mail another: each kind has a reputation of its own."""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import MAILERS as USUAL

MAILERS = {
    **USUAL,
    "default": {
        "BACKEND": "django_mailplus.backends.route.EmailBackend",
        "OPTIONS": {
            "using": ["smtp", "list"],
            "by": "stream",
            "routes": {"newsletter": "list"},
        },
    },
    "smtp": USUAL["default"],
    # Who has left the newsletter is asked on this way alone.
    "list": {
        "BACKEND": "django_mailplus.backends.suppression.EmailBackend",
        "OPTIONS": {"using": "bulk"},
    },
    "bulk": USUAL["newsletter"],
}
