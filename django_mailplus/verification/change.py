"""Change of address: the new one proves itself, the old one can undo it.

The link goes to the new address and is bound to both; nothing changes until it is used,
and then only if the address is still the old one (CVE-2026-32700). The old address gets a
notice with a link that cancels the change, when it is asked for and when it is done.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from django.contrib.auth.base_user import BaseUserManager
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, router, transaction
from django.http import HttpRequest
from django.utils import timezone, translation

from django_mailplus import conf
from django_mailplus.verification import links, signals
from django_mailplus.verification.addresses import (
    confirm,
    forget,
    is_email_verified,
    is_taken,
    locked,
)
from django_mailplus.verification.mailbox import (
    email_field_of,
    email_of,
    mailbox_key,
    same_mailbox,
)
from django_mailplus.verification.mails import Mail, Outgoing, in_words
from django_mailplus.verification.models import EmailAddress, make_nonce, primary
from django_mailplus.verification.proofs import find_link
from django_mailplus.verification.sending import (
    VerificationResult,
    find_row,
    link_timeout,
)
from django_mailplus.verification.throttle import claim_address, claim_change
from django_mailplus.verification.tickets import Ticket
from django_mailplus.verification.tokens import make_token

__all__ = [
    "ChangeOutcome",
    "cancel_email_change",
    "cancel_link",
    "confirm_change_link",
    "pending_change",
    "start_email_change",
]

ChangeOutcome = Literal[
    "changed", "already_changed", "address_changed", "taken", "inactive"
]
CancelOutcome = Literal["cancelled", "undone", "too_late"]


def start_email_change(
    user: Any,
    new_email: str,
    *,
    request: HttpRequest | None = None,
    base_url: str | None = None,
    using: str | None = None,
    language: str | None = None,
) -> VerificationResult:
    """Mail a link to the new address and a notice to the old one; change nothing yet.

    The same happens, but for the words of the first mail, when the new address belongs
    to another account: its owner is told, the user is not. A second change replaces the
    first. Raises what `send_verification_email` raises.
    """
    if not conf.setting("VERIFICATION_BIND_TOKENS"):
        raise ImproperlyConfigured(
            "start_email_change() needs MAILPLUS['VERIFICATION_BIND_TOKENS'] = True: a "
            "token that is not bound, mailed to an address that is not proved yet, resets "
            "the password of the account."
        )
    new_email = BaseUserManager.normalize_email(new_email.strip())
    ticket = Ticket(new_email, "change").sign()
    outgoing = Outgoing(
        base=links.base_url(request, base_url),
        request=request,
        using=using,
        language=language or translation.get_language(),
    )
    if same_mailbox(new_email, email_of(user)):
        return VerificationResult(status="already_verified", ticket=ticket)
    if find_row(user, new_email, "change").reported_at is not None:
        return VerificationResult(status="refused", ticket=ticket)
    if (wait := claim_change(user)) is None:
        wait = claim_address(new_email)
    if wait is not None:
        return VerificationResult(status="throttled", retry_after=wait, ticket=ticket)
    with locked(user) as user:
        row = _pending_row(user, new_email, outgoing.language or "")
        taken = is_taken(new_email, by_other_than=user)
    _notify(user, row, outgoing, "change_notice_")
    status = outgoing.send(
        Mail(
            kind="account_exists_" if taken else "change_",
            to=new_email,
            user=None if taken else user,
            links=partial(_links, outgoing, user, row),
        )
    )
    signals.tell(
        signals.email_change_requested,
        user=user,
        old_email=row.previous_email,
        new_email=new_email,
    )
    return VerificationResult(status=status, ticket=ticket)


def _pending_row(user: Any, new_email: str, language: str) -> EmailAddress:
    """The one change that is under way; an equal one keeps the links that were mailed."""
    key, current = mailbox_key(new_email), email_of(user)
    changes = primary().filter(user=user, purpose="change")
    waiting = changes.filter(verified_at=None, reported_at=None)
    waiting.exclude(mailbox_key=key).delete()
    row = changes.filter(mailbox_key=key).first()
    row = row or EmailAddress.of(user, new_email, "change")
    if row.verified_at is not None or row.previous_email != current:
        row.nonce = make_nonce()
    row.email, row.previous_email, row.language = new_email, current, language
    row.previous_verified = is_email_verified(user)
    row.verified_at = None
    row.save()
    return row


def pending_change(user: Any) -> str | None:
    """The new address that waits to be confirmed, if there is one."""
    rows = primary().filter(
        user_id=user.pk, purpose="change", verified_at=None, reported_at=None
    )
    return rows.order_by("-pk").values_list("email", flat=True).first()


def confirm_change_link(
    uidb64: str, token: str, *, request: HttpRequest | None = None
) -> tuple[ChangeOutcome | None, EmailAddress | None]:
    """Make the new address the user's. No outcome for a link that is not good (any more)."""
    base = links.base_url(request)
    with transaction.atomic(using=router.db_for_write(EmailAddress)):
        found = find_link(uidb64, token, change=True, lock=True)
        if found is None:
            signals.tell(signals.email_verification_failed, user=None, reason="invalid")
            return None, None
        user, row = found
        outcome = _change(user, row)
    if outcome == "changed":
        outgoing = Outgoing(base=base, request=request, language=row.language)
        _notify(user, row, outgoing, "changed_notice_")
    if outcome not in ("changed", "already_changed"):
        signals.tell(signals.email_verification_failed, user=user, reason=outcome)
    return outcome, row


def _change(user: Any, row: EmailAddress) -> ChangeOutcome:
    if row.verified_at is not None:
        return "already_changed"
    if not same_mailbox(email_of(user), row.previous_email):
        return "address_changed"
    if not getattr(user, "is_active", True):
        return "inactive"
    if is_taken(row.email, by_other_than=user):
        return "taken"
    this = primary().filter(pk=row.pk, nonce=row.nonce)
    if not this.filter(verified_at=None).update(verified_at=timezone.now()):
        return "address_changed"  # cancelled this very moment
    if not _set_email(user, row.email):
        this.update(verified_at=None)
        return "taken"
    return "changed"


def _set_email(user: Any, email: str) -> bool:
    """Give the user an address that was just proved; False if another account has it."""
    old = email_of(user)
    setattr(user, email_field_of(user), email)
    try:
        with transaction.atomic(using=router.db_for_write(EmailAddress)):
            user.save(update_fields=[email_field_of(user)])
    except IntegrityError:
        setattr(user, email_field_of(user), old)
        return False
    addresses = primary().filter(user=user, purpose="verify")
    forget(addresses.filter(mailbox_key=mailbox_key(old)))
    row, _ = addresses.get_or_create(
        mailbox_key=mailbox_key(email),
        defaults={"user": user, "purpose": "verify", "email": email},
    )
    confirm(user, row)
    signals.tell(signals.email_changed, user=user, old_email=old, new_email=email)
    return True


def cancel_email_change(user: Any) -> bool:
    """Forget a change that waits for its confirmation; False if there is none."""
    with locked(user) as user:
        rows = primary().filter(
            user=user, purpose="change", verified_at=None, reported_at=None
        )
        return bool(rows.delete()[0])


def cancel_link(uidb64: str, token: str) -> tuple[CancelOutcome | None, Any]:
    """What the reader of the old address asks for: stop the change, or undo it.

    The link works though the password was changed since: whoever took the account over
    would do that first. Undoing proves the old address anew, for the link was read there.
    """
    with transaction.atomic(using=router.db_for_write(EmailAddress)):
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
    this = primary().filter(pk=row.pk, nonce=row.nonce)
    if row.verified_at is None:
        stopped = this.filter(verified_at=None).delete()[0]
        # Or it was done this very moment: the notice of that has a link as well.
        return "cancelled" if stopped else "too_late"
    if not same_mailbox(email_of(user), row.email):
        return "too_late"
    if not _set_email(user, row.previous_email):
        return "too_late"
    this.delete()
    return "undone"


def _notify(
    user: Any,
    row: EmailAddress,
    outgoing: Outgoing,
    kind: Literal["change_notice_", "changed_notice_"],
) -> None:
    if not row.previous_email or not conf.setting("VERIFICATION_NOTIFY_OLD_ADDRESS"):
        return
    outgoing.send(
        Mail(
            kind=kind,
            to=row.previous_email,
            user=user,
            context={"new_email": row.email},
            links=partial(_cancel_links, outgoing, user, row),
        )
    )


def _links(outgoing: Outgoing, user: Any, row: EmailAddress) -> dict[str, Any]:
    token = make_token(user, row)
    return {
        "uid": links.uid_of(user),
        "token": token,
        "verify_url": _url(outgoing, "email_change_confirm", user, token),
        "report_url": _url(
            outgoing, "verify_email_report", user, make_token(user, row, "report")
        ),
        "old_email": row.previous_email,
        "expires_at": timezone.now() + link_timeout(),
        "expires_in": in_words(link_timeout()),
    }


def _cancel_links(outgoing: Outgoing, user: Any, row: EmailAddress) -> dict[str, Any]:
    """A link for an old address that was proved: a mistyped one is some stranger's."""
    if not row.previous_verified:
        return {"cancel_url": ""}
    token = make_token(user, row, "cancel")
    return {"cancel_url": _url(outgoing, "email_change_cancel", user, token)}


def _url(outgoing: Outgoing, page: str, user: Any, token: str) -> str:
    path = links.page_url(page, links.uid_of(user), token)
    return links.absolute_url(outgoing.base, path)
