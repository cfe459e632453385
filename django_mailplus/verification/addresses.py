"""Whether an address is proved, and the only changes that a proof can make.

Every change holds a lock on the user, and says again in its WHERE what it relies on:
SQLite has no such locks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.utils import timezone

from django_mailplus import conf
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.racing import tried_again
from django_mailplus.templated.recipient import email_field_of, email_of
from django_mailplus.verification import signals
from django_mailplus.verification.locks import locked
from django_mailplus.verification.mailbox import mailbox_key, same_mailbox
from django_mailplus.verification.models import (
    EmailAddress,
    database,
    make_nonce,
    primary,
)
from django_mailplus.verification.stores import field_agrees, note
from django_mailplus.verification.waiting import may_be_verified

__all__ = [
    "Outcome",
    "confirm",
    "forget",
    "is_email_verified",
    "is_proved",
    "is_taken",
    "report",
    "unverify_email_address",
    "verify_email_address",
    "was_reported",
]

Outcome = Literal[
    "verified", "already_verified", "address_changed", "inactive", "taken"
]


def is_email_verified(
    user: Any,
    *,
    email: str | None = None,
    purpose: str = "verify",
) -> bool:
    """Whether the user has proved the current address, or the one given.

    The answer follows the address: whoever changes it, anywhere, makes it unverified.
    One query; none if `mailplus_addresses` was prefetched.
    """
    if user.pk is None:  # nobody, or not saved
        return False
    address = email if email is not None else email_of(user)
    if not address or (purpose == "verify" and not field_agrees(user)):
        return False
    key = mailbox_key(address)
    prefetched = getattr(user, "_prefetched_objects_cache", {}).get(
        "mailplus_addresses"
    )
    if prefetched is not None:
        return any(
            r.purpose == purpose and r.mailbox_key == key and r.verified_at
            for r in prefetched
        )
    rows = EmailAddress.objects.filter(
        user_id=user.pk, purpose=purpose, mailbox_key=key
    )
    return rows.filter(verified_at__isnull=False).exists()


def is_proved(user: Any, row: EmailAddress) -> bool:
    """The same for a row at hand, which asks the database nothing."""
    return row.verified_at is not None and (
        row.purpose != "verify" or field_agrees(user)
    )


@tried_again(database)
def verify_email_address(
    user: Any, email: str | None = None, *, purpose: str = "verify"
) -> Outcome:
    """Record a proof that came some other way: an import, a single sign-on, a letter."""
    address = email if email is not None else email_of(user)
    if not address:
        raise ValueError("The user has no address to verify.")
    if purpose == "verify" and not same_mailbox(address, email_of(user)):
        return "address_changed"
    with locked(user) as user:
        row, _ = primary().get_or_create(
            user=user,
            purpose=purpose,
            mailbox_key=mailbox_key(address),
            defaults={"email": address},
        )
        if row.verified_at is not None and not is_proved(user, row):
            forget([row])  # unticked since; this is a new proof
            row.refresh_from_db()
        return confirm(user, row)


@tried_again(database)
def unverify_email_address(
    user: Any, email: str | None = None, *, purpose: str = "verify"
) -> None:
    """Take a proof back; links and codes that were mailed before stop working.

    So do those with which the address could undo a change of address.
    """
    address = email if email is not None else email_of(user)
    with locked(user) as user:
        rows = primary().filter(user=user, purpose=purpose)
        forget(rows.filter(mailbox_key=mailbox_key(address)))
        _end_changes(user, address, to_it=purpose == "change")
        if purpose == "verify" and same_mailbox(address, email_of(user)):
            rows.filter(activates_user=True).update(activates_user=False)
            note(user, verified=False)


def _end_changes(user: Any, address: str, *, to_it: bool) -> None:
    """The links of changes from the address, or of those to it."""
    for row in primary().filter(user=user, purpose="change"):
        if same_mailbox(row.email if to_it else row.previous_email, address):
            row.delete()


def forget(rows: Iterable[EmailAddress]) -> None:
    """Take proofs back, and end what was mailed. Under `locked`, but for former owners."""
    for row in rows:
        primary().filter(pk=row.pk).update(
            verified_at=None,
            verified_key=None,
            nonce=make_nonce(),
            code_hash="",
            activates_user=False,
        )


def report(user: Any, row: EmailAddress) -> None:
    """End what was mailed to an address for the user, and every proof of it. Under `locked`."""
    rows = primary().filter(user=user, mailbox_key=mailbox_key(row.email))
    forget(rows)
    rows.update(reported_at=timezone.now())
    if same_mailbox(row.email, email_of(user)):
        note(user, verified=False)


def was_reported(user: Any, email: str) -> bool:
    """Whether the reader of this mailbox said that mails of the user are not meant for it."""
    rows = primary().filter(user_id=user.pk, reported_at__isnull=False)
    key = lookalike_key(email)  # however it is spelled
    return any(lookalike_key(row.email) == key for row in rows)


def confirm(user: Any, row: EmailAddress) -> Outcome:
    """Record that the user reads mail at the address of the row. Call it under `locked`."""
    current = row.purpose != "verify" or same_mailbox(row.email, email_of(user))
    if not current:
        return "address_changed"
    if not may_be_verified(user, row):
        return "inactive"
    inactive = not getattr(user, "is_active", True)
    if row.verified_at is not None and not inactive:
        return "already_verified"
    if not _prove(row):
        return "taken"
    if row.purpose == "verify":
        note(user, verified=True, activate=inactive)
    signals.tell(
        signals.email_verified, user=user, email=row.email, purpose=row.purpose
    )
    return "verified"


def _prove(row: EmailAddress) -> bool:
    """Set `verified_at`, unless somebody else has proved what looks the same."""
    key = row.unique_key if conf.setting("VERIFICATION_UNIQUE") else None
    try:
        return _record(row, key)
    except IntegrityError:  # the key is another row's
        holder = primary().filter(verified_key=key).select_related("user").first()
    if holder is not None:
        if _holds(holder):
            return False
        forget([holder])  # theirs no longer
    try:
        return _record(row, key)
    except IntegrityError:  # somebody else, this very moment
        return False


def _record(row: EmailAddress, key: str | None) -> bool:
    with transaction.atomic(using=database()):
        unchanged = primary().filter(pk=row.pk, nonce=row.nonce)
        return bool(
            unchanged.update(
                verified_at=timezone.now(),
                verified_key=key,
                code_hash="",
                activates_user=False,
                reported_at=None,
            )
        )


def _holds(row: EmailAddress) -> bool:
    """Whether a proof still counts: not for a former address, nor when it was unticked."""
    return row.purpose != "verify" or (
        same_mailbox(row.email, email_of(row.user)) and is_proved(row.user, row)
    )


def is_taken(email: str, by_other_than: Any) -> bool:
    """Whether another account has this address, or has proved one that looks the same."""
    model = get_user_model()
    others = model._default_manager.exclude(pk=by_other_than.pk)
    in_use = others.filter(**{f"{email_field_of(model)}__iexact": email}).exists()
    held = primary().filter(verified_key=f"verify:{lookalike_key(email)}")
    others_rows = held.exclude(user_id=by_other_than.pk).select_related("user")
    proved = any(_holds(row) for row in others_rows)  # looked up in any case: it tells
    return in_use or proved
