"""What a link or a code from a mail does when somebody brings it back."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from django_mailplus import conf
from django_mailplus.racing import tried_again
from django_mailplus.templated.recipient import email_of
from django_mailplus.verification import signals
from django_mailplus.verification.addresses import (
    Outcome,
    confirm,
    report,
)
from django_mailplus.verification.codes import try_code
from django_mailplus.verification.links import find_user
from django_mailplus.verification.locks import idle_write, locked, writing
from django_mailplus.verification.mailbox import mailbox_key
from django_mailplus.verification.models import EmailAddress, database, primary
from django_mailplus.verification.tokens import Generator, Use, check_token

__all__ = [
    "Found",
    "check_verification_token",
    "confirm_code",
    "confirm_link",
    "find_link",
    "report_link",
]

Found = tuple[Any, EmailAddress]


def find_link(
    uidb64: str,
    token: str,
    use: Use = "confirm",
    *,
    change: bool = False,
    lock: bool = False,
) -> Found | None:
    """The user and the row that a link belongs to, or None; never raises for a bad link."""
    user = find_user(uidb64, lock=lock, database=database() if lock else None)
    if user is None:
        return None
    row = _row_of(user, token, use, change=change)
    return (user, row) if row is not None else None


def _row_of(
    user: Any,
    token: str,
    use: Use,
    *,
    change: bool = False,
    generator: Generator | None = None,
) -> EmailAddress | None:
    rows = primary().filter(user_id=user.pk).order_by("-pk")
    if change:
        rows = rows.filter(purpose="change")
    elif use == "confirm":
        rows = rows.exclude(purpose="change")
    if use == "confirm" and not conf.setting("VERIFICATION_BIND_TOKENS"):
        # Such a token says nothing about the address, so it must be the current one.
        if change:
            return None
        rows = rows.filter(purpose="verify", mailbox_key=mailbox_key(email_of(user)))
    for row in rows:
        if check_token(user, row, token, use, generator=generator):
            row.user = user
            return row
    return None


def check_verification_token(
    user: Any,
    token: str,
    *,
    purpose: str = "verify",
    token_generator: Generator | None = None,
) -> str | None:
    """The address that the token proves for the user and the purpose, or None.

    For a view of your own that calls `verify_email_address` on POST.
    """
    row = _row_of(user, token, "confirm", generator=token_generator)
    return row.email if row is not None and row.purpose == purpose else None


@tried_again(database)
def confirm_link(uidb64: str, token: str) -> tuple[Outcome | None, Found | None]:
    """Prove the address of a link. No outcome for a link that is not good (any more)."""
    with writing():
        found = find_link(uidb64, token, lock=True)
        if found is None:
            _failed(find_user(uidb64), "invalid")
            return None, None
        outcome = confirm(*found)
    if outcome not in ("verified", "already_verified"):
        _failed(found[0], outcome)
    return outcome, found


def confirm_code(
    rows: list[EmailAddress], typed: str
) -> tuple[Outcome | None, Found | None]:
    """Prove the address of the one row whose code was typed.

    The try is counted outside the transaction of the proof, so that nothing gives it back.
    """
    for row in rows:
        if not try_code(row.user, row, typed):
            continue
        try:
            outcome, user = _confirm_row(row)
        except ObjectDoesNotExist:
            break
        if outcome not in ("verified", "already_verified"):
            _failed(user, outcome)
        return outcome, (user, row)
    if not rows:
        idle_write()
    _failed(rows[0].user if rows else None, "code")
    return None, None


@tried_again(database)
def _confirm_row(row: EmailAddress) -> tuple[Outcome, Any]:
    with locked(row.user) as user:
        # Reported or taken back since the code was read: it is good no more.
        return confirm(user, primary().get(pk=row.pk, nonce=row.nonce)), user


@tried_again(database)
def report_link(uidb64: str, token: str) -> Found | None:
    """The reader was not the one: links and codes end, and no more mail goes out for the row."""
    with writing():
        found = find_link(uidb64, token, "report", lock=True)
        if found is None:
            return None
        user, row = found
        report(user, row)
    signals.tell(signals.email_verification_reported, user=user, email=row.email)
    return found


def _failed(user: Any, reason: str) -> None:
    signals.tell(signals.email_verification_failed, user=user, reason=reason)
