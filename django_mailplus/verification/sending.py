"""`send_verification_email`: from a user to a mail with a link or a code that proves the address."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare, salted_hmac

from django_mailplus import conf
from django_mailplus.pages import links as site
from django_mailplus.pages.words import in_words
from django_mailplus.templated.recipient import email_of
from django_mailplus.verification import links, signals
from django_mailplus.verification.addresses import forget, is_proved
from django_mailplus.verification.codes import code_timeout, is_for_another, put_code
from django_mailplus.verification.mailbox import mailbox_key, same_mailbox
from django_mailplus.verification.mails import Outgoing, VerificationMail
from django_mailplus.verification.models import EmailAddress, database, primary
from django_mailplus.verification.throttle import claim_address
from django_mailplus.verification.tickets import Ticket
from django_mailplus.verification.tokens import (
    Generator,
    default_generator,
    is_ours,
    make_token,
)
from django_mailplus.verification.waiting import may_be_verified

__all__ = [
    "Proof",
    "VerificationResult",
    "find_row",
    "is_refused",
    "issue",
    "link_timeout",
    "make_verification_url",
    "needs_proof",
    "proof_links",
    "remember",
    "renewed",
    "save_row",
    "send_verification_email",
    "was_remembered",
]

Method = Literal["link", "code", "both"]
Status = Literal[
    "sent",
    "queued",
    "already_verified",
    "throttled",
    "no_address",
    "refused",
    "failed",
]

_SESSION_KEY = "mailplus_verifying"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """What became of a request for a mail.

    sent              the mailer took the mail
    queued            it leaves when the transaction commits
    already_verified  nothing to prove; nothing sent
    throttled         too soon or too often for this address; `retry_after` says how long
    no_address        the user has none
    refused           the account is inactive, or the reader of an earlier mail reported it
    failed            the mailer did not take it; the log has the kind of error
    """

    status: Status
    retry_after: timedelta | None = None
    ticket: str = field(default="", repr=False)

    @property
    def sent_url(self) -> str:
        """The page that says "check your mail", whatever the status: show it to anybody."""
        return links.page_url("verify_email_sent", *filter(None, [self.ticket]))


def send_verification_email(
    user: Any,
    *,
    request: HttpRequest | None = None,
    email: str | None = None,
    purpose: str = "verify",
    using: str | None = None,
    token_generator: Generator | None = None,
    base_url: str | None = None,
    next_url: str | None = None,
    language: str | None = None,
    context: Mapping[str, Any] | None = None,
    method: Method | None = None,
    force: bool = False,
) -> VerificationResult:
    """Mail the user a link or a code that proves the address, and say what became of it.

    Inside a transaction the mail leaves on commit. A mail that cannot be sent is a
    `failed` result and a line in the log; mistakes in the call or in the settings raise
    (TypeError, ValueError, ImproperlyConfigured).

    `email` may name another address for a `purpose` of your own; `language` defaults to
    that of the first mail, then to the active one; `token_generator` makes tokens that a
    view of your own checks with `check_verification_token`, in templates of your own; `force` sends to addresses
    that are verified or were mailed a moment ago.
    """
    address = _address(user, email, purpose)
    if not address:
        return VerificationResult(status="no_address")
    asked = Ticket.of(address, purpose, method=method, next_url=next_url)
    ticket = asked.sign()
    if purpose == "verify":
        remember(request, user)
    row = find_row(user, address, purpose)
    outgoing = Outgoing(
        base=site.base_url(request, base_url),
        request=request,
        using=using,
        language=language or row.language or translation.get_language(),
    )
    if not force and not needs_proof(user, row):
        return VerificationResult(status="already_verified", ticket=ticket)
    if is_refused(user, row):
        return VerificationResult(status="refused", ticket=ticket)
    if not force and (wait := claim_address(address)) is not None:
        return VerificationResult(status="throttled", retry_after=wait, ticket=ticket)
    proof = Proof(ticket=asked, generator=token_generator, context=context or {})
    status = issue(user, row, outgoing, proof)
    return VerificationResult(status=status, ticket=ticket)


def remember(request: HttpRequest | None, user: Any) -> None:
    """Which user this browser signed up; nobody for a taken address, but remembered too.

    As a digest: some sessions can be read by the browser, which must not learn whether
    the address was taken. Whoever is logged in signs nobody up: it is the admin who mails
    somebody again.
    """
    if request is None or not conf.setting("VERIFICATION_LOGIN_ON_VERIFY"):
        return
    visitor = getattr(request, "user", None)
    if visitor is not None and visitor.is_authenticated and visitor != user:
        return
    nonce = secrets.token_hex(16)
    who = secrets.token_hex(16) if user is None else links.uid_of(user)
    request.session[_SESSION_KEY] = [nonce, _digest(nonce, who, settings.SECRET_KEY)]


def was_remembered(request: HttpRequest, user: Any) -> bool:
    """Whether this browser signed the user up; it is asked once."""
    match request.session.pop(_SESSION_KEY, None):
        case [str(nonce), str(digest)]:
            pass
        case _:
            return False
    uid = links.uid_of(user)
    return any(
        constant_time_compare(digest, _digest(nonce, uid, secret))
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


def _digest(nonce: str, who: str, secret: Any) -> str:
    return salted_hmac(
        _SESSION_KEY, f"{nonce}:{who}", secret=secret, algorithm="sha256"
    ).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a mail offers its reader to prove the address with."""

    ticket: Ticket
    generator: Generator | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


def issue(
    user: Any, row: EmailAddress, outgoing: Outgoing, proof: Proof
) -> Literal["sent", "queued", "failed"]:
    """Write the row and send its mail; whether to do so was decided before."""
    row = renewed(user, row)
    row.language = outgoing.language or ""
    ticket = proof.ticket
    if ticket.method != "link" and is_for_another(row, ticket.id):
        # Whoever has that page types that code. A link does as well, and a stranger who
        # asks for a mail ends nobody's code.
        ticket = ticket._replace(method="link")
        proof = replace(proof, ticket=ticket)
    code = put_code(user, row, ticket.id) if ticket.method != "link" else ""
    row, earlier = save_row(row, new_code=bool(code)), row
    if code and row is not earlier:
        # Another request made the row this very moment, with a nonce of its own.
        code = put_code(user, row, ticket.id)
        save_row(row, new_code=True)
    return outgoing.send(
        VerificationMail(
            kind="verify",
            to=row.email,
            user=user,
            context=proof.context,
            links=partial(proof_links, outgoing, user, row, proof, code),
        ),
        then=partial(
            signals.tell,
            signals.verification_email_sent,
            user=user,
            email=row.email,
            purpose=row.purpose,
        ),
    )


def _address(user: Any, email: str | None, purpose: str) -> str:
    if isinstance(user, HttpRequest):
        raise TypeError(
            "The user comes first: send_verification_email(user, request=request)."
        )
    if not hasattr(user, "_state"):
        raise TypeError(
            f"A user who is saved is needed, and this is a {type(user).__name__}. Pass the "
            "user that form.save() returned, or request.user behind @login_required."
        )
    if user._state.adding:
        raise ValueError("The user is not saved yet. Save it before the mail is sent.")
    if len(purpose) > 30 or "\0" in purpose:
        raise ValueError("A purpose is a word of at most 30 characters.")
    current = email_of(user)
    if purpose == "change":
        raise ValueError("A change of address is started by start_email_change().")
    if purpose == "verify":
        if email is not None and not same_mailbox(email, current):
            raise ValueError(
                "email= is not the user's current address. Give another address a purpose "
                "of its own, or change the user's with start_email_change()."
            )
    elif not conf.setting("VERIFICATION_BIND_TOKENS"):
        raise ImproperlyConfigured(
            f"The purpose {purpose!r} needs MAILPLUS['VERIFICATION_BIND_TOKENS'] = True: "
            "a token that is not bound is good for every purpose."
        )
    # To the address as the database has it, never as somebody typed it (CVE-2019-19844).
    return current if purpose == "verify" else email or current


def find_row(user: Any, address: str, purpose: str) -> EmailAddress:
    """What is known about an address of a user; a row that is not saved if nothing is."""
    rows = primary().filter(
        user_id=user.pk, mailbox_key=mailbox_key(address), purpose=purpose
    )
    row = rows.first() or EmailAddress.of(user, address, purpose)
    row.email = address  # as it is spelled now
    return row


def needs_proof(user: Any, row: EmailAddress) -> bool:
    """Whether a proof would change anything: the account may wait for one though it had one."""
    return not (is_proved(user, row) and getattr(user, "is_active", True))


def renewed(user: Any, row: EmailAddress) -> EmailAddress:
    """The row for another mail.

    If the project's own field was unticked since the proof, links of that time must not
    tick it.
    """
    if row.verified_at is None or is_proved(user, row):
        return row
    forget([row])
    return find_row(user, row.email, row.purpose)


def is_refused(user: Any, row: EmailAddress) -> bool:
    """Whether no mail may go out for this row."""
    return row.reported_at is not None or not may_be_verified(user, row)


def save_row(row: EmailAddress, *, new_code: bool = False) -> EmailAddress:
    """Write the row; the result is another one if a second request was first to make it."""
    if not row._state.adding:
        fields = ["email", "language"]
        if new_code:
            fields += ["code_hash", "code_ticket", "code_expires_at", "code_attempts"]
        row.save(using=database(), update_fields=fields)
        return row
    try:
        with transaction.atomic(using=database()):
            row.save(using=database(), force_insert=True)
    except IntegrityError:
        first = find_row(row.user, row.email, row.purpose)
        if first._state.adding:
            raise
        return first
    return row


def proof_links(
    outgoing: Outgoing, user: Any, row: EmailAddress, proof: Proof, code: str = ""
) -> dict[str, Any]:
    uid = links.uid_of(user)
    by_link = proof.ticket.method != "code"
    span = link_timeout(proof.generator) if by_link else code_timeout()
    token = make_token(user, row, generator=proof.generator) if by_link else ""
    report = links.page_url("verify_email_report", uid, make_token(user, row, "report"))
    verify_url: object = ""
    if by_link and not is_ours(proof.generator):
        verify_url = _NoPage()
    elif by_link:
        path = links.page_url("verify_email", uid, token)
        verify_url = site.absolute_url(outgoing.base, path, proof.ticket.next_url)
    return {
        "uid": uid,
        "token": token,
        "code": code,
        "verify_url": verify_url,
        "report_url": site.absolute_url(outgoing.base, report),
        "expires_at": timezone.now() + span,
        "expires_in": in_words(span),
        "code_expires_in": in_words(code_timeout()),
    }


class _NoPage:
    """Stands in templates for a link that would lead nowhere."""

    def __str__(self) -> str:
        raise ImproperlyConfigured(
            "{{ verify_url }} leads to the page of django-mailplus, which cannot check the "
            "tokens of token_generator=. Write a link to your own view with {{ uid }} and "
            "{{ token }} in mailplus/verification/body.txt and body.html, or name the "
            "generator in MAILPLUS['VERIFICATION_TOKEN_GENERATOR']."
        )


def make_verification_url(
    user: Any,
    *,
    request: HttpRequest | None = None,
    base_url: str | None = None,
    next_url: str | None = None,
) -> str:
    """The link that proves the user's current address, for a mail of your own.

    Whoever has it can prove the address: send it there and show it nowhere else.
    """
    address = _address(user, None, "verify")
    if not address:
        raise ValueError("The user has no address to prove.")
    row = save_row(renewed(user, find_row(user, address, "verify")))
    return site.absolute_url(
        site.base_url(request, base_url),
        links.page_url("verify_email", links.uid_of(user), make_token(user, row)),
        next_url,
    )


def link_timeout(generator: Generator | None = None) -> timedelta:
    """How long a link works: the project's limit, or the generator's when it is shorter."""
    seconds = conf.setting("VERIFICATION_TIMEOUT")
    if isinstance(generator or default_generator(), PasswordResetTokenGenerator):
        seconds = min(seconds, settings.PASSWORD_RESET_TIMEOUT)
    return timedelta(seconds=seconds)
