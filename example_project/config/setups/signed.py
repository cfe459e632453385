"""Mail with a DKIM signature, by a key that lives as long as this process.

A real site makes its key once, with `manage.py dkimkey`, and publishes it in the DNS.
"""

from __future__ import annotations

from config.settings import *  # noqa: F403 (settings are made of settings)
from config.settings import MAILERS as USUAL
from django_mailplus.dkim.keys import new_key

_, _pem = new_key(domain="example.com", selector="demo")

MAILERS = {
    **USUAL,
    "default": {
        "BACKEND": "django_mailplus.backends.dkim.EmailBackend",
        "OPTIONS": {
            "using": "smtp",
            "keys": [
                {
                    "domain": "example.com",
                    "selector": "demo",
                    "key": _pem(None).decode(),
                }
            ],
        },
    },
    "smtp": USUAL["default"],
}
