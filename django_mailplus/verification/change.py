"""Change of address: asked for by the user, proved by the new address, undone by the old one.

The link goes to the new address and is bound to both; nothing changes until it is used,
and then only if the address is still the old one (CVE-2026-32700). The old address gets a
notice with a link that cancels the change, when it is asked for and when it is done: see
change_links.py.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import translation

from django_mailplus import conf
from django_mailplus.pages import links as site
from django_mailplus.racing import tried_again
from django_mailplus.templated.recipient import email_of
from django_mailplus.verification import signals
from django_mailplus.verification.addresses import (
    is_email_verified,
    is_taken,
    was_reported,
)
from django_mailplus.verification.change_mails import confirm_links, tell_old_address
from django_mailplus.verification.locks import locked
from django_mailplus.verification.mailbox import mailbox_key, same_mailbox
from django_mailplus.verification.mails import Outgoing, VerificationMail
from django_mailplus.verification.models import (
    EmailAddress,
    database,
    make_nonce,
    primary,
)
from django_mailplus.verification.sending import VerificationResult
from django_mailplus.verification.throttle import claim_address, claim_change
from django_mailplus.verification.tickets import Ticket

__all__ = ["cancel_email_change", "pending_change", "start_email_change"]


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
    if "@" not in new_email:
        raise ValueError("The new address is none: check it with a form first.")
    ticket = Ticket.of(new_email, "change", method="link").sign()
    outgoing = Outgoing(
        base=site.base_url(request, base_url),
        request=request,
        using=using,
        language=language or translation.get_language(),
    )
    if same_mailbox(new_email, email_of(user)):
        return VerificationResult(status="already_verified", ticket=ticket)
    if was_reported(user, new_email):
        return VerificationResult(status="refused", ticket=ticket)
    if (wait := claim_change(user)) is None:
        wait = claim_address(new_email)
    if wait is not None:
        return VerificationResult(status="throttled", retry_after=wait, ticket=ticket)
    user, row = _start(user, new_email, outgoing.language or "")
    if row is None:
        return VerificationResult(status="refused", ticket=ticket)
    taken = is_taken(new_email, by_other_than=user)
    tell_old_address(user, row, outgoing, "change_notice")
    status = outgoing.send(
        VerificationMail(
            kind="account_exists" if taken else "change",
            to=new_email,
            user=None if taken else user,
            links=dict if taken else partial(confirm_links, outgoing, user, row),
        )
    )
    signals.tell(
        signals.email_change_requested,
        user=user,
        old_email=row.previous_email,
        new_email=new_email,
    )
    return VerificationResult(status=status, ticket=ticket)


@tried_again(database)
def _start(user: Any, new_email: str, language: str) -> tuple[Any, EmailAddress | None]:
    with locked(user) as user:
        if was_reported(user, new_email):  # this very moment
            return user, None
        return user, _pending_row(user, new_email, language)


def _pending_row(user: Any, new_email: str, language: str) -> EmailAddress:
    """The one change that is under way; an equal one keeps the links that were mailed."""
    key, current = mailbox_key(new_email), email_of(user)
    waiting = _waiting(user)
    waiting.exclude(mailbox_key=key).delete()
    row = waiting.first() or EmailAddress.of(user, new_email, "change")
    if row.previous_email != current:
        row.nonce = make_nonce()
    row.email, row.previous_email, row.language = new_email, current, language
    row.previous_verified = is_email_verified(user)
    row.save()
    return row


def _waiting(user: Any) -> QuerySet[EmailAddress]:
    rows = primary().filter(user_id=user.pk, purpose="change")
    return rows.filter(verified_at=None, reported_at=None)


def pending_change(user: Any) -> str | None:
    """The new address that waits to be confirmed, if there is one."""
    newest = _waiting(user).order_by("-pk")
    return newest.values_list("email", flat=True).first()


@tried_again(database)
def cancel_email_change(user: Any) -> bool:
    """Forget a change that waits for its confirmation; False if there is none."""
    with locked(user) as user:
        return bool(_waiting(user).delete()[0])
