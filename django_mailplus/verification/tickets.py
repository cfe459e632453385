"""What a "check your mail" page knows about a visitor without login: sealed in its address.

Addresses of pages end up in logs, so nobody but us can read it; and it looks the same for
known and unknown addresses, for it is made from what was typed.
"""

from __future__ import annotations

import json
import secrets
import time
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from django_mailplus import conf
from django_mailplus.verification.mailbox import mailbox_key, masked

__all__ = ["Ticket", "read_ticket"]

_SALT = "django_mailplus.verification.ticket"
_AGE = 86_400  # seconds that the page can ask for another mail
_BLOCK = 32  # bytes of an HMAC with SHA-256
_SIZE = 6 * _BLOCK  # bytes; shorter tickets are filled up, so that length tells little


class Ticket(NamedTuple):
    email: str
    purpose: str
    method: str
    next_url: str
    id: str  # a code is for the page that asked for it: no stranger uses up its tries
    issued_at: float

    @classmethod
    def of(
        cls,
        email: str,
        purpose: str = "verify",
        *,
        method: str | None = None,
        next_url: str | None = None,
    ) -> Ticket:
        method = method or conf.setting("VERIFICATION_METHOD")
        return cls(
            email, purpose, method, next_url or "", secrets.token_hex(8), time.time()
        )

    @property
    def age(self) -> timedelta:
        return timedelta(seconds=time.time() - self.issued_at)

    @property
    def mailbox(self) -> str:
        return mailbox_key(self.email)

    @property
    def hint(self) -> str:
        return masked(self.email)

    def sign(self) -> str:
        nonce = secrets.token_hex(8)
        text = json.dumps(self).encode()
        text += b" " * (_SIZE - len(text))
        sealed = urlsafe_base64_encode(_xor(text, nonce, settings.SECRET_KEY))
        return signing.TimestampSigner(salt=_SALT).sign(f"{nonce}.{sealed}")


def read_ticket(text: str) -> Ticket | None:
    """None if it is not ours or too old."""
    try:
        signed = signing.TimestampSigner(salt=_SALT).unsign(text, max_age=_AGE)
        nonce, _, sealed = signed.partition(".")
        data = urlsafe_base64_decode(sealed)
    except (signing.BadSignature, ValueError):
        return None
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return Ticket(*json.loads(_xor(data, nonce, secret)))
        except (ValueError, TypeError):  # sealed with another key
            continue
    return None


def _xor(text: bytes, nonce: str, secret: Any) -> bytes:
    """A stream cipher: an HMAC as the random function, a counter, a nonce used once."""
    stream = b"".join(
        salted_hmac(_SALT, f"{nonce}:{at}", secret=secret, algorithm="sha256").digest()
        for at in range(0, len(text), _BLOCK)
    )
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))
