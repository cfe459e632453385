"""What the links in the mails about a change of address do: make it, stop it, undo it."""

from __future__ import annotations

from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from django_mailplus.pages import links as site
from django_mailplus.racing import tried_again
from django_mailplus.templated.recipient import email_field_of, email_of
from django_mailplus.verification import signals
from django_mailplus.verification.addresses import (
    confirm,
    forget,
    is_email_verified,
    is_taken,
)
from django_mailplus.verification.change_mails import tell_old_address
from django_mailplus.verification.locks import writing
from django_mailplus.verification.mailbox import (
    former_mailbox_key,
    mailbox_key,
    same_mailbox,
)
from django_mailplus.verification.mails import Outgoing
from django_mailplus.verification.models import EmailAddress, database, primary
from django_mailplus.verification.proofs import find_link

__all__ = ["CancelOutcome", "ChangeOutcome", "cancel_link", "confirm_change_link"]

ChangeOutcome = Literal[
    "changed", "already_changed", "address_changed", "taken", "inactive"
]
CancelOutcome = Literal["cancelled", "undone", "too_late"]


def confirm_change_link(
    uidb64: str, token: str, *, request: HttpRequest | None = None
) -> tuple[ChangeOutcome | None, EmailAddress | None]:
    """Make the new address the user's. No outcome for a link that is not good (any more)."""
    base = site.base_url(request)
    outcome, user, row = _confirmed(uidb64, token)
    if row is None:
        signals.tell(signals.email_verification_failed, user=None, reason="invalid")
        return None, None
    if outcome == "changed":
        outgoing = Outgoing(base=base, request=request, language=row.language)
        tell_old_address(user, row, outgoing, "changed_notice")
    if outcome not in ("changed", "already_changed"):
        signals.tell(signals.email_verification_failed, user=user, reason=outcome)
    return outcome, row


@tried_again(database)
def _confirmed(
    uidb64: str, token: str
) -> tuple[ChangeOutcome, Any, EmailAddress] | tuple[None, None, None]:
    with writing():
        found = find_link(uidb64, token, change=True, lock=True)
        return (_change(*found), *found) if found is not None else (None, None, None)


def _change(user: Any, row: EmailAddress) -> ChangeOutcome:
    if row.verified_at is not None:
        return "already_changed"
    if not same_mailbox(email_of(user), row.previous_email):
        return "address_changed"
    if not getattr(user, "is_active", True):
        return "inactive"
    # Perhaps it was proved since the change was asked for.
    row.previous_verified = is_email_verified(user)
    if is_taken(row.email, by_other_than=user) or not _set_email(user, row.email):
        return "taken"
    # Kept under the old address, so that the next change to the new one has a row of its
    # own; an earlier change away from the old address was made good by its coming back.
    done = primary().filter(user=user, purpose="change")
    key = former_mailbox_key(row.previous_email)
    done.filter(mailbox_key=key).delete()
    row.verified_at, row.mailbox_key = timezone.now(), key
    row.save(update_fields=["verified_at", "mailbox_key", "previous_verified"])
    return "changed"


@tried_again(database)
def cancel_link(uidb64: str, token: str) -> tuple[CancelOutcome | None, Any]:
    """What the reader of the old address asks for: stop the change, or undo it.

    The link works though the password was changed since: whoever took the account over
    would do that first. Undoing proves the old address anew, for the link was read there.
    """
    with writing():
        found = find_link(uidb64, token, "cancel", change=True, lock=True)
        if found is None:
            return None, None
        user, row = found
        return _cancel(user, row), user


def _cancel(user: Any, row: EmailAddress) -> CancelOutcome:
    if not row.previous_verified:
        return (
            "too_late"  # who never proved the old address has no say over the account
        )
    changes = primary().filter(user=user, purpose="change")
    if row.verified_at is None:
        changes.filter(pk=row.pk).delete()
        return "cancelled"
    later = _changes_since(row, list(changes.filter(verified_at__isnull=False)))
    if not any(same_mailbox(email_of(user), change.email) for change in later):
        return "too_late"  # the address came some other way: from staff, or an API
    if not _set_email(user, row.previous_email):
        return "too_late"
    # Also what is under way, and the say that addresses in between have.
    changes.filter(verified_at=None).delete()
    changes.filter(pk__in=[change.pk for change in later]).delete()
    return "undone"


def _changes_since(row: EmailAddress, done: list[EmailAddress]) -> list[EmailAddress]:
    """The change and those that followed: a second one does not take away the first say.

    They may lead in a circle.
    """
    from_address = {mailbox_key(change.previous_email): change for change in done}
    chain = [row]
    while (after := from_address.get(mailbox_key(chain[-1].email))) is not None:
        if after in chain:
            break
        chain.append(after)
    return chain


def _set_email(user: Any, email: str) -> bool:
    """Give the user an address that was just proved; False if another account has it."""
    old, field = email_of(user), email_field_of(user)
    setattr(user, field, email)
    try:
        proved = _save_and_confirm(user, old, email)
    except (IntegrityError, ValidationError):  # no two accounts may have one address
        proved = False
    if proved:
        signals.tell(signals.email_changed, user=user, old_email=old, new_email=email)
    else:
        setattr(user, field, old)
    return proved


def _save_and_confirm(user: Any, old: str, new: str) -> bool:
    """Both or none: somebody else may prove the address this very moment."""
    with transaction.atomic(using=database()):
        user.save(update_fields=[email_field_of(user)])
        addresses = primary().filter(user=user, purpose="verify")
        forget(addresses.filter(mailbox_key=mailbox_key(old)))
        row, _ = addresses.get_or_create(
            mailbox_key=mailbox_key(new),
            defaults={"user": user, "purpose": "verify", "email": new},
        )
        proved = confirm(user, row) in ("verified", "already_verified")
        transaction.set_rollback(not proved, using=database())
    return proved
