"""The pages that a visitor asks for: check your mail, another mail, a code, another address."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from django_mailplus import conf
from django_mailplus.pages.showing import open_page, pressed, private_page
from django_mailplus.templated.recipient import email_of
from django_mailplus.verification import links
from django_mailplus.verification.addresses import is_email_verified
from django_mailplus.verification.change import (
    cancel_email_change,
    pending_change,
    start_email_change,
)
from django_mailplus.verification.forms import ChangeForm, CodeForm, ResendForm
from django_mailplus.verification.gates import verified_email_not_required
from django_mailplus.verification.mailbox import mailbox_key
from django_mailplus.verification.models import EmailAddress, primary
from django_mailplus.verification.pages import show, visitor, welcome
from django_mailplus.verification.proofs import confirm_code
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.sending import find_row, send_verification_email
from django_mailplus.verification.throttle import wait_for
from django_mailplus.verification.tickets import Ticket, read_ticket

__all__ = ["change", "code", "done", "resend", "sent"]

_MOST_CODES = (
    5  # accounts with one address whose codes are compared with what was typed
)
_NO_MAIL_NOW = _("We cannot send a mail to this address now. Try again later.")
_WRONG_CODE = _("This code is wrong or too old. Ask for a new mail if you need one.")


@open_page
def done(request: HttpRequest) -> HttpResponse:
    return show(request, "done")


@open_page
def sent(request: HttpRequest, ticket: str = "") -> HttpResponse:
    """Tells the holder of a ticket, or the user who is logged in, to look into the mail."""
    read = read_ticket(ticket)
    if read is not None:
        # By the ticket's clock: the true wait would tell who else asked for a mail.
        return _sent_by_ticket(request, ticket, read, wait=_cooldown() - read.age)
    user = visitor(request)
    if user is None:
        return redirect(links.page_url("verify_email_resend"))
    if is_email_verified(user):
        return show(request, "already")
    address = email_of(user)
    wait, row = wait_for(address), find_row(user, address, "verify")
    if wait is None or row.pk is None:  # other mail may have gone there
        return show(request, "ask", address=address, wait=_seconds(wait))
    return _sent(request, address=address, wait=wait)


def _cooldown() -> timedelta:
    return timedelta(seconds=conf.setting("VERIFICATION_RESEND_COOLDOWN"))


def _seconds(span: timedelta | None) -> int:
    return 0 if span is None else max(ceil(span.total_seconds()), 0)


def _sent(
    request: HttpRequest,
    *,
    address: str,
    purpose: str = "verify",
    wait: timedelta | None = None,
    **context: Any,
) -> HttpResponse:
    method = context.setdefault("method", conf.setting("VERIFICATION_METHOD"))
    context.setdefault("code_form", CodeForm() if method != "link" else None)
    return show(
        request,
        "sent",
        address=address,
        purpose=purpose,
        cooldown=_seconds(_cooldown()),
        wait=_seconds(_cooldown() if wait is None else wait),
        **context,
    )


def _sent_by_ticket(
    request: HttpRequest, text: str, ticket: Ticket, **context: Any
) -> HttpResponse:
    return _sent(
        request,
        address=ticket.hint,
        purpose=ticket.purpose,
        method=ticket.method,
        ticket=text,
        **context,
    )


@open_page
def resend(request: HttpRequest) -> HttpResponse:
    """Another mail, for whoever asks: the answer is the same whatever the address is."""
    if not pressed(request):
        return show(request, "resend", form=ResendForm())
    text = request.POST.get("ticket", "")
    if ticket := read_ticket(text):
        if ticket.purpose == "verify":
            request_verification_email(ticket, request=request)
        return _sent_by_ticket(request, text, ticket)
    if "email" not in request.POST and visitor(request) is not None:
        return _resend_own(request)
    form = ResendForm(request.POST)
    if not form.is_valid():
        return show(request, "resend", form=form)
    ticket = Ticket.of(form.cleaned_data["email"])
    request_verification_email(ticket, request=request)
    return _sent(request, address=ticket.email, ticket=ticket.sign())


@csrf_protect  # it acts with the rights of whoever is logged in
def _resend_own(request: HttpRequest) -> HttpResponse:
    send_verification_email(request.user, request=request)
    return redirect(links.page_url("verify_email_sent"))


@open_page
def code(request: HttpRequest) -> HttpResponse:
    """The code from the mail, typed by the holder of a ticket or the user logged in."""
    ticket = read_ticket(request.POST.get("ticket", ""))
    if ticket is not None:
        return _try_code(request, ticket)
    if visitor(request) is None:
        return redirect(links.page_url("verify_email_resend"))
    return _try_own_code(request)


def _try_code(request: HttpRequest, ticket: Ticket | None) -> HttpResponse:
    form = CodeForm(request.POST if pressed(request) else None)
    if form.is_valid():
        rows = _rows_with_code(ticket, visitor(request))
        outcome, found = confirm_code(rows, form.cleaned_data["code"])
        if found is not None and outcome in ("verified", "already_verified"):
            return welcome(request, found[0], ticket.next_url if ticket else "")
        form.add_error("code", _WRONG_CODE)
    if ticket is None:
        return _sent(request, address=email_of(request.user), code_form=form)
    return _sent_by_ticket(request, request.POST["ticket"], ticket, code_form=form)


@csrf_protect  # it acts with the rights of whoever is logged in
def _try_own_code(request: HttpRequest) -> HttpResponse:
    return _try_code(request, None)


def _rows_with_code(ticket: Ticket | None, user: Any) -> list[EmailAddress]:
    rows = primary().exclude(code_hash="")
    if ticket is None:
        key = mailbox_key(email_of(user))
        rows = rows.filter(user_id=user.pk, mailbox_key=key, purpose="verify")
    else:
        rows = rows.filter(
            mailbox_key=ticket.mailbox, purpose=ticket.purpose, code_ticket=ticket.id
        )
    return list(rows.select_related("user").order_by("-code_expires_at")[:_MOST_CODES])


@verified_email_not_required  # a mistyped address must be put right
@csrf_protect
@login_required
@private_page
def change(request: HttpRequest) -> HttpResponse:
    """Ask for another address, or forget the one that was asked for."""
    if request.method == "POST" and "cancel" in request.POST:
        cancel_email_change(request.user)
        return redirect(links.page_url("email_change"))
    form = ChangeForm(
        request.POST if request.method == "POST" else None, user=request.user
    )
    if request.method == "POST" and form.is_valid():
        result = start_email_change(
            request.user, form.cleaned_data["email"], request=request
        )
        if result.status not in ("throttled", "refused"):
            return redirect(result.sent_url)
        form.add_error("email", _NO_MAIL_NOW)
    return show(
        request,
        "change",
        form=form,
        address=email_of(request.user),
        pending=pending_change(request.user),
    )
