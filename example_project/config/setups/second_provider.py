"""A second provider stands by: here the first is down, and every mail arrives all the same."""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import MAILERS as USUAL

MAILERS = {
    **USUAL,
    "default": {
        "BACKEND": "django_mailplus.backends.failover.EmailBackend",
        "OPTIONS": {"using": ["unreachable", "second"]},
    },
    "second": USUAL["default"],
}
