"""Whether an address is proved, and the only changes that a proof can make.

Every change holds a lock on the user, and says again in its WHERE what it relies on:
SQLite has no such locks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import IntegrityError, models, router, transaction
from django.utils import timezone

from django_mailplus import conf
from django_mailplus.verification import signals
from django_mailplus.verification.mailbox import (
    email_of,
    lookalike_key,
    mailbox_key,
    same_mailbox,
)
from django_mailplus.verification.models import EmailAddress, make_nonce, primary

__all__ = [
    "Outcome",
    "confirm",
    "deactivate_until_verified",
    "forget",
    "idle_write",
    "is_email_verified",
    "is_proved",
    "is_taken",
    "locked",
    "report",
    "unverify_email_address",
    "verify_email_address",
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
    if not address or (purpose == "verify" and not _field_agrees(user)):
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
        row.purpose != "verify" or _field_agrees(user)
    )


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
        row, _ = EmailAddress.objects.get_or_create(
            user=user,
            purpose=purpose,
            mailbox_key=mailbox_key(address),
            defaults={"email": address},
        )
        return confirm(user, row)


def unverify_email_address(
    user: Any, email: str | None = None, *, purpose: str = "verify"
) -> None:
    """Take a proof back; links and codes that were mailed before stop working."""
    address = email if email is not None else email_of(user)
    with locked(user) as user:
        rows = primary().filter(
            user=user, purpose=purpose, mailbox_key=mailbox_key(address)
        )
        forget(rows)
        if purpose == "verify" and same_mailbox(address, email_of(user)):
            _note(user, verified=False)


def idle_write() -> None:
    """As much work as the write that an address we know would have cost: by primary key."""
    primary().filter(pk=0).update(language="")


def forget(rows: models.QuerySet[EmailAddress]) -> None:
    for row in rows:
        rows.filter(pk=row.pk).update(
            verified_at=None,
            verified_key=None,
            nonce=make_nonce(),
            code_hash="",
            activates_user=False,
        )


def report(user: Any, row: EmailAddress) -> None:
    """End what was mailed to an address for the user, and every proof of it. Under `locked`."""
    rows = primary().filter(user=user, mailbox_key=row.mailbox_key)
    forget(rows)
    rows.update(reported_at=timezone.now())
    if same_mailbox(row.email, email_of(user)):
        _note(user, verified=False)


def deactivate_until_verified(user: Any) -> None:
    """Make the account inactive, to be made active again by the proof of its address.

    The marker this leaves is the only thing that lets a confirmation activate anybody:
    an account that was made inactive by hand stays so.
    """
    if not conf.setting("VERIFICATION_STORE") == "is_active":
        raise ImproperlyConfigured(
            "deactivate_until_verified() needs MAILPLUS['VERIFICATION_STORE'] = 'is_active'."
        )
    address = email_of(user)
    if not address:
        raise ValueError("The user has no address that could be verified.")
    with locked(user) as current:
        if not current.is_active:
            raise ValueError(
                "The account is inactive already; whether it was made so for good cannot be "
                "told. Call this while it is active, right after it was created."
            )
        EmailAddress.objects.update_or_create(
            user=current,
            purpose="verify",
            mailbox_key=mailbox_key(address),
            defaults={"email": address, "activates_user": True},
        )
        current.is_active = False
        current.save(update_fields=["is_active"])
    user.is_active = False


@contextmanager
def locked(user: Any) -> Iterator[Any]:
    """The user as the database has it now, and nobody else changing it until the end."""
    database = router.db_for_write(EmailAddress)
    with transaction.atomic(using=database):
        users = get_user_model()._default_manager.using(database)
        yield users.select_for_update().get(pk=user.pk)


def confirm(user: Any, row: EmailAddress) -> Outcome:
    """Record that the user reads mail at the address of the row. Call it under `locked`."""
    current = row.purpose != "verify" or same_mailbox(row.email, email_of(user))
    if not current:
        return "address_changed"
    if not (getattr(user, "is_active", True) or row.activates_user):
        return "inactive"
    if row.verified_at is not None and not row.activates_user:
        return "already_verified"
    if not _prove(row):
        return "taken"
    if row.purpose == "verify":
        _note(user, verified=True, activate=row.activates_user)
    signals.tell(
        signals.email_verified, user=user, email=row.email, purpose=row.purpose
    )
    return "verified"


def _prove(row: EmailAddress) -> bool:
    """Set `verified_at`, unless somebody else has proved what looks the same."""
    unique = conf.setting("VERIFICATION_UNIQUE")
    key = row.unique_key if unique else None
    if key is not None:
        holders = primary().filter(verified_key=key).exclude(pk=row.pk)
        for holder in holders.select_related("user"):
            if row.purpose == "verify" and not same_mailbox(
                holder.email, email_of(holder.user)
            ):
                forget(primary().filter(pk=holder.pk))  # theirs no longer
            else:
                return False
    try:
        with transaction.atomic(using=router.db_for_write(EmailAddress)):
            return bool(
                primary()
                .filter(pk=row.pk, nonce=row.nonce)
                .update(
                    verified_at=timezone.now(),
                    verified_key=key,
                    code_hash="",
                    activates_user=False,
                    reported_at=None,
                )
            )
    except IntegrityError:  # somebody else, this very moment
        return False


def is_taken(email: str, by_other_than: Any) -> bool:
    """Whether another account has this address, or has proved one that looks the same."""
    model = get_user_model()
    field = model.get_email_field_name()
    others = model._default_manager.exclude(pk=by_other_than.pk)
    if others.filter(**{f"{field}__iexact": email}).exists():
        return True
    held = primary().filter(verified_key=f"verify:{lookalike_key(email)}")
    return any(
        same_mailbox(row.email, email_of(row.user))
        for row in held.exclude(user_id=by_other_than.pk).select_related("user")
    )


# Where else a proof is noted: MAILPLUS["VERIFICATION_STORE"].


def _store_field() -> models.Field[Any, Any] | None:
    kind, _, name = conf.setting("VERIFICATION_STORE").partition(":")
    if kind != "field":
        return None
    try:
        return get_user_model()._meta.get_field(name)  # type: ignore[return-value]
    except FieldDoesNotExist as error:
        raise ImproperlyConfigured(
            f"MAILPLUS['VERIFICATION_STORE']: the user model has no field {name!r}."
        ) from error


def _field_agrees(user: Any) -> bool:
    """False when the project keeps a field and it says no: unticking it is enough."""
    field = _store_field()
    return field is None or bool(getattr(user, field.attname))


def _note(user: Any, *, verified: bool, activate: bool = False) -> None:
    changed = []
    if (field := _store_field()) is not None:
        no = None if field.null else False
        yes = timezone.now() if isinstance(field, models.DateTimeField) else True
        setattr(user, field.attname, yes if verified else no)
        changed.append(field.attname)
    if activate and conf.setting("VERIFICATION_STORE") == "is_active":
        user.is_active = True
        changed.append("is_active")
    if changed:
        user.save(update_fields=changed)
