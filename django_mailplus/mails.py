"""Samples of our own mails, for the previews of the project that sends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.utils import timezone

from django_mailplus.pages.links import base_url
from django_mailplus.pages.words import in_words
from django_mailplus.previews import preview
from django_mailplus.templated import render_mail
from django_mailplus.verification.links import pages_included
from django_mailplus.verification.mails import Kind, Outgoing, VerificationMail

_OLD, _NEW = "ann@example.com", "ann@example.org"
_DAYS, _MINUTES = timedelta(days=3), timedelta(minutes=15)


def _ann() -> Any:
    model: Any = get_user_model()
    return model(**{model.USERNAME_FIELD: "ann"})


def _base() -> str:
    try:
        return base_url()
    except ImproperlyConfigured:
        return "https://shop.example.com"


def _sample(kind: Kind, *, to: str = _OLD, **context: Any) -> EmailMessage:
    links = {
        name: f"{_base()}/verify/MQ/sample-{name.removesuffix('_url')}/"
        for name in ("verify_url", "report_url", "cancel_url")
    }
    shared = {
        **links,
        "expires_at": timezone.now() + _DAYS,
        "expires_in": in_words(_DAYS),
        "code_expires_in": in_words(_MINUTES),
        "old_email": _OLD,
        "new_email": _NEW,
    }
    mail = VerificationMail(
        kind=kind, to=to, user=_ann(), context={**shared, **context}
    )
    return Outgoing(base=_base()).message(mail)


@preview(when=pages_included)
def verify_address(link: bool = True, code: str = "482913") -> EmailMessage:
    """Asks for a proof of an address, by a link, a code or both."""
    return _sample("verify", code=code, **({} if link else {"verify_url": ""}))


@preview(when=pages_included)
def change_address() -> EmailMessage:
    """Asks the new address, when somebody changes theirs."""
    return _sample("change", to=_NEW)


@preview(when=pages_included)
def change_announced() -> EmailMessage:
    """Tells the old address that a change was asked for."""
    return _sample("change_notice")


@preview(when=pages_included)
def change_done() -> EmailMessage:
    """Tells the old address that the change is done."""
    return _sample("changed_notice")


@preview(when=pages_included)
def account_exists(proved: bool = False) -> EmailMessage:
    """For a sign-up with an address that has an account."""
    return _sample("account_exists", **({"verify_url": ""} if proved else {}))


@preview(when=pages_included)
def no_account() -> EmailMessage:
    """For somebody who asked for another mail and has no account."""
    return _sample("no_account")


@preview
def password_reset() -> EmailMessage:
    """The link to choose a new password."""
    return render_mail(
        "mailplus/password_reset.html",
        {
            "user": _ann(),
            "reset_url": f"{_base()}/reset/MQ/sample-token/",
            "expires_in": in_words(_DAYS),
        },
        to=_OLD,
        base_url=_base(),
    )
