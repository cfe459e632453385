"""Codes to type: short, so few tries and little time; stored as an HMAC, never as text."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from django_mailplus import conf
from django_mailplus.racing import tried_again
from django_mailplus.verification.models import EmailAddress, database, primary

__all__ = ["code_timeout", "is_for_another", "put_code", "try_code"]

_SALT = "django_mailplus.verification.code"


def code_timeout() -> timedelta:
    return timedelta(seconds=conf.setting("VERIFICATION_CODE_TIMEOUT"))


def put_code(user: Any, row: EmailAddress, ticket_id: str = "") -> str:
    """A new code for the row, which the caller saves; the one before it stops working.

    Whoever is not logged in can type it only with the ticket that it was asked for with.
    """
    length = conf.setting("VERIFICATION_CODE_LENGTH")
    code = f"{secrets.randbelow(10**length):0{length}}"
    row.code_hash = _hash(user, row, code, settings.SECRET_KEY)
    row.code_ticket = ticket_id
    row.code_expires_at = timezone.now() + code_timeout()
    row.code_attempts = 0
    return code


def is_for_another(row: EmailAddress, ticket_id: str) -> bool:
    """Whether there is a code that works, on a page other than that of the ticket."""
    return (
        bool(row.code_hash)
        and row.code_ticket != ticket_id
        and row.code_expires_at is not None
        and row.code_expires_at > timezone.now()
        and row.code_attempts < conf.setting("VERIFICATION_CODE_MAX_ATTEMPTS")
    )


@tried_again(database)
def try_code(user: Any, row: EmailAddress, typed: str) -> bool:
    """Whether this is the code of the row; costs one of its tries either way.

    The try is taken by a conditional UPDATE before anything is compared, so that many
    requests at the same moment get no more tries than one after the other.
    """
    alive = (
        primary()
        .filter(
            pk=row.pk,
            code_hash=row.code_hash,
            code_expires_at__gt=timezone.now(),
            code_attempts__lt=conf.setting("VERIFICATION_CODE_MAX_ATTEMPTS"),
        )
        .exclude(code_hash="")
    )
    if not alive.update(code_attempts=F("code_attempts") + 1):
        return False
    code = "".join(typed.split())
    return any(
        constant_time_compare(row.code_hash, _hash(user, row, code, secret))
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


def _hash(user: Any, row: EmailAddress, code: str, secret: Any) -> str:
    """Bound to user, address, purpose and nonce, and to the password: a new one ends it."""
    bound = (
        user._meta.pk.value_to_string(user),
        str(getattr(user, "password", "") or ""),
        row.purpose,
        row.mailbox_key,
        row.nonce,
        code,
    )
    return salted_hmac(
        _SALT, "\0".join(bound), secret=secret, algorithm="sha256"
    ).hexdigest()
