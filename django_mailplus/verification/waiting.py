"""Accounts that are inactive until their address is proved, told from those that are banned."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Exists, OuterRef, QuerySet

from django_mailplus import conf
from django_mailplus.racing import tried_again
from django_mailplus.templated.recipient import email_of
from django_mailplus.verification.locks import locked
from django_mailplus.verification.mailbox import mailbox_key
from django_mailplus.verification.models import EmailAddress, database, primary

__all__ = ["deactivate_until_verified", "may_be_verified", "with_waiting"]

_WAITS = "mailplus_waits"


@tried_again(database)
def deactivate_until_verified(user: Any) -> None:
    """Make the account inactive, to be made active again by the proof of its address.

    The marker this leaves is the only thing that lets a confirmation activate anybody:
    an account that was made inactive by hand stays so. The marker goes when the account
    is saved as active or logs in; a QuerySet.update() of `is_active` does neither.
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
        primary().update_or_create(
            user=current,
            purpose="verify",
            mailbox_key=mailbox_key(address),
            defaults={"email": address, "activates_user": True},
        )
        current.is_active = False
        current.save(update_fields=["is_active"])
    user.is_active = False


def may_be_verified(user: Any, row: EmailAddress) -> bool:
    """Whether the account is active, or waits for a proof to become so.

    The marker may be on another row than that of the proof: staff may have put the address
    right meanwhile.
    """
    if getattr(user, "is_active", True):
        return True
    if conf.setting("VERIFICATION_STORE") != "is_active":
        return False
    if row.activates_user:
        return True
    if (known := getattr(user, _WAITS, None)) is not None:
        return bool(known)
    rows = primary().filter(user_id=user.pk, purpose="verify", activates_user=True)
    return rows.exists()


def with_waiting(users: QuerySet[Any]) -> QuerySet[Any]:
    """The users, with what `may_be_verified` would ask for each: the number of queries tells."""
    if conf.setting("VERIFICATION_STORE") != "is_active":
        return users
    waiting = EmailAddress.objects.filter(
        user_id=OuterRef("pk"), purpose="verify", activates_user=True
    )
    annotated: QuerySet[Any] = users.annotate(**{_WAITS: Exists(waiting)})
    return annotated
