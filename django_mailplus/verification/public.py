"""What a visitor without login may ask for, answered so that the answer tells nothing.

Known, unknown, verified, inactive and taken addresses cost the same queries and one mail
each; only the owner of the mailbox reads which it was. A throttled address costs no mail,
known or not. A mail that fails is a line in the log.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils import translation

from django_mailplus import conf
from django_mailplus.pages.links import base_url
from django_mailplus.templated.recipient import email_field_of, email_of
from django_mailplus.verification.addresses import is_proved
from django_mailplus.verification.locks import idle_write
from django_mailplus.verification.mailbox import mailbox_key, same_mailbox
from django_mailplus.verification.mails import Outgoing, VerificationMail
from django_mailplus.verification.models import EmailAddress, primary
from django_mailplus.verification.sending import (
    Proof,
    VerificationResult,
    find_row,
    is_refused,
    issue,
    needs_proof,
    proof_links,
    remember,
    renewed,
    save_row,
)
from django_mailplus.verification.throttle import claim_address, claim_visitor
from django_mailplus.verification.tickets import Ticket
from django_mailplus.verification.waiting import with_waiting

__all__ = ["request_verification_email", "send_account_exists_email"]


def request_verification_email(
    ticket: Ticket, *, request: HttpRequest | None = None
) -> None:
    """Mail whoever reads the address of the ticket what there is to say about it."""
    email = ticket.email
    key = mailbox_key(email)
    users = _users(email)
    rows = {
        row.user_id: row for row in primary().filter(mailbox_key=key, purpose="verify")
    }
    if claim_visitor(request) is None and claim_address(email) is None:
        _answer(ticket, users, rows, request)


def send_account_exists_email(
    email: str, *, request: HttpRequest | None = None, next_url: str | None = None
) -> VerificationResult:
    """For a sign-up with an address that has an account already: tell its owner, by mail.

    An account that waits for its proof gets the link again, beside a warning: somebody
    else may have made it. Costs what `send_verification_email` costs for a new account;
    answer the visitor with the same page.
    """
    email = email.strip()
    asked = Ticket.of(email, next_url=next_url)
    ticket = asked.sign()
    remember(request, None)
    user = next(iter(_users(email)), None)
    if user is not None:
        email = email_of(user)
        row = find_row(user, email, "verify")
    if (wait := claim_address(email)) is not None:
        return VerificationResult(status="throttled", retry_after=wait, ticket=ticket)
    outgoing = _outgoing(request)
    mail = VerificationMail(kind="account_exists", to=email, user=user)
    if user is not None:
        row = save_row(renewed(user, row))
        if needs_proof(user, row) and not is_refused(user, row):
            proof = Proof(ticket=asked._replace(method="link"))
            mail = replace(mail, links=partial(proof_links, outgoing, user, row, proof))
    return VerificationResult(status=outgoing.send(mail), ticket=ticket)


def _users(email: str) -> list[Any]:
    """The users with this address: the first who still has to prove it is answered."""
    model = get_user_model()
    field = email_field_of(model)
    found = model._default_manager.filter(**{f"{field}__iexact": email}).order_by("pk")
    # Databases take more for the same than a mail server does (CVE-2019-19844).
    return [
        user for user in with_waiting(found)[:10] if same_mailbox(email_of(user), email)
    ]


def _answer(
    ticket: Ticket,
    users: list[Any],
    rows: dict[Any, EmailAddress],
    request: HttpRequest | None,
) -> None:
    mail = VerificationMail(kind="no_account", to=ticket.email)
    for user in users:
        row = rows.get(user.pk) or EmailAddress.of(user, email_of(user))
        if needs_proof(user, row) and not is_refused(user, row):
            row.user, row.email = user, email_of(user)
            issue(user, row, _outgoing(request, row.language), Proof(ticket=ticket))
            return
        if is_proved(user, row):
            mail = VerificationMail(kind="account_exists", to=email_of(user), user=user)
    idle_write()
    if mail.user is not None or conf.setting("VERIFICATION_MAIL_UNKNOWN"):
        _outgoing(request).send(mail)


def _outgoing(request: HttpRequest | None, language: str = "") -> Outgoing:
    return Outgoing(
        base=base_url(request),
        request=request,
        language=language or translation.get_language(),
    )
