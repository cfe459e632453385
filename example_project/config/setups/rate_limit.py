"""No more mail than the provider allows: ten a minute here, and nobody waits for room."""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import MAILERS as USUAL

MAILERS = {
    **USUAL,
    "default": {
        "BACKEND": "django_mailplus.backends.ratelimit.EmailBackend",
        "OPTIONS": {"using": "smtp", "rate": "10/m", "max_wait": 0},
    },
    "smtp": USUAL["default"],
}
