"""The pages. What comes from a link is shown on GET and done on POST, by a button.

Mail scanners follow every link and some send bare forms, so neither verifies. The pages of
links need no login and no cookie: their forms carry a token of their own (see forms.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render, resolve_url
from django.urls import get_script_prefix
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from django_mailplus import conf
from django_mailplus.verification import links
from django_mailplus.verification.addresses import is_email_verified, is_proved
from django_mailplus.verification.change import (
    cancel_email_change,
    cancel_link,
    confirm_change_link,
    pending_change,
    start_email_change,
)
from django_mailplus.verification.forms import (
    ChangeForm,
    CodeForm,
    ResendForm,
    form_token,
    was_pressed,
)
from django_mailplus.verification.gates import verified_email_not_required
from django_mailplus.verification.mailbox import email_of, mailbox_key
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.proofs import (
    Found,
    confirm_code,
    confirm_link,
    find_link,
    report_link,
)
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.sending import (
    SESSION_KEY,
    send_verification_email,
)
from django_mailplus.verification.tickets import Ticket, read_ticket

__all__ = [
    "CancelChange",
    "ConfirmChange",
    "Report",
    "VerifyEmail",
    "change",
    "code",
    "done",
    "resend",
    "sent",
]

ViewFunction = Callable[..., HttpResponseBase]
_MOST_CODES = (
    5  # accounts with one address whose codes are compared with what was typed
)
_WRONG_CODE = _("This code is wrong or too old. Ask for a new mail if you need one.")


def private_page(view: ViewFunction) -> ViewFunction:
    """Kept by no cache and no search engine; its address is told to no other site.

    Not `no-referrer`: browsers then send forms with `Origin: null`, which CSRF checks
    refuse.
    """

    @wraps(view)
    def with_headers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response  # type: ignore[return-value]

    return never_cache(sensitive_post_parameters()(with_headers))


def open_page(view: ViewFunction) -> ViewFunction:
    """For everybody, with or without login and cookies."""
    return login_not_required(csrf_exempt(private_page(view)))


def show(
    request: HttpRequest, name: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    context |= {"form_token": form_token(), "home": get_script_prefix()}
    return render(request, f"mailplus/verification/{name}.html", context, status=status)


def pressed(request: HttpRequest) -> bool:
    return request.method == "POST" and was_pressed(request.POST.get("form_token", ""))


def visitor(request: HttpRequest) -> Any:
    """The user who is logged in, or None; also in projects without sessions."""
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


@method_decorator(open_page, name="dispatch")
class LinkView(View):
    """A link from a mail: a page that asks, a button that does."""

    http_method_names = ["get", "head", "post", "options"]
    question = ""
    offers_mail = False

    def find(self, uidb64: str, token: str) -> Found | None:
        raise NotImplementedError

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        raise NotImplementedError

    def get(
        self, request: HttpRequest, uidb64: str, token: str, *, status: int = 200
    ) -> HttpResponse:
        found = self.find(uidb64, token)
        if found is None:
            return self.invalid(request)
        user, row = found
        return self.ask(request, user, row, status)

    def ask(
        self, request: HttpRequest, user: Any, row: EmailAddress, status: int
    ) -> HttpResponse:
        return show(request, self.question, account=user, address=row, status=status)

    def post(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        if not pressed(request):  # a scanner, or a page that was open for days
            return self.get(request, uidb64, token, status=403)
        return self.act(request, uidb64, token)

    def invalid(self, request: HttpRequest, reason: str = "") -> HttpResponse:
        """A link that was good once is gone; so is one that never was."""
        form = ResendForm() if self.offers_mail else None
        return show(request, "invalid", reason=reason, form=form, status=410)


class VerifyEmail(LinkView):
    question = "confirm"
    offers_mail = True

    def find(self, uidb64: str, token: str) -> Found | None:
        return find_link(uidb64, token)

    def ask(
        self, request: HttpRequest, user: Any, row: EmailAddress, status: int
    ) -> HttpResponse:
        if is_proved(user, row) and not row.activates_user:
            return show(request, "already", address=row)
        return super().ask(request, user, row, status)

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        outcome, found = confirm_link(uidb64, token)
        if found is None or outcome not in ("verified", "already_verified"):
            return self.invalid(request, outcome or "")
        user, row = found
        if outcome == "already_verified":
            return show(request, "already", address=row)
        return _welcome(request, user)


class ConfirmChange(LinkView):
    question = "change_confirm"

    def find(self, uidb64: str, token: str) -> Found | None:
        return find_link(uidb64, token, change=True)

    def ask(
        self, request: HttpRequest, user: Any, row: EmailAddress, status: int
    ) -> HttpResponse:
        if row.verified_at is not None:
            return show(request, "change_done", address=row)
        return super().ask(request, user, row, status)

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        outcome, row = confirm_change_link(uidb64, token, request=request)
        if outcome not in ("changed", "already_changed"):
            return self.invalid(request, outcome or "")
        return show(request, "change_done", address=row)


class CancelChange(LinkView):
    question = "cancel"

    def find(self, uidb64: str, token: str) -> Found | None:
        return find_link(uidb64, token, "cancel", change=True)

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        outcome, user = cancel_link(uidb64, token)
        if outcome in (None, "too_late"):
            return self.invalid(request, outcome or "")
        return show(request, "cancelled", account=user, undone=outcome == "undone")


class Report(LinkView):
    question = "report"

    def find(self, uidb64: str, token: str) -> Found | None:
        return find_link(uidb64, token, "report")

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        if report_link(uidb64, token) is None:
            return self.invalid(request)
        return show(request, "reported")


def _welcome(request: HttpRequest, user: Any, next_url: str = "") -> HttpResponse:
    """After a proof: log in where that was asked for, go where the link says."""
    if (
        conf.setting("VERIFICATION_LOGIN_ON_VERIFY")
        and getattr(user, "is_active", True)
        and request.session.pop(SESSION_KEY, None) == links.uid_of(user)
    ):
        # Only in the browser that signed up: a link alone never logs anybody in.
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    next_url = next_url or request.GET.get("next", "")
    if links.is_safe_next(next_url, request):
        return HttpResponseRedirect(next_url)  # redirect() would look for such a view
    success = conf.setting("VERIFICATION_SUCCESS_URL")
    return redirect(
        resolve_url(success) if success else links.page_url("verify_email_done")
    )


@open_page
def done(request: HttpRequest) -> HttpResponse:
    return show(request, "done")


@open_page
def sent(request: HttpRequest, ticket: str = "") -> HttpResponse:
    """Tells the holder of a ticket, or the user who is logged in, to look into the mail."""
    read = read_ticket(ticket)
    if read is not None:
        return _sent_by_ticket(request, ticket, read)
    user = visitor(request)
    if user is None:
        return redirect(links.page_url("verify_email_resend"))
    if is_email_verified(user):
        return show(request, "already")
    return _sent(request, address=email_of(user))


def _sent(
    request: HttpRequest, *, address: str, purpose: str = "verify", **context: Any
) -> HttpResponse:
    method = context.setdefault("method", conf.setting("VERIFICATION_METHOD"))
    context.setdefault("code_form", CodeForm() if method != "link" else None)
    return show(
        request,
        "sent",
        address=address,
        purpose=purpose,
        cooldown=conf.setting("VERIFICATION_RESEND_COOLDOWN"),
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
            request_verification_email(ticket.email, request=request)
        return _sent_by_ticket(request, text, ticket)
    if "email" not in request.POST and visitor(request) is not None:
        return _resend_own(request)
    form = ResendForm(request.POST)
    if not form.is_valid():
        return show(request, "resend", form=form)
    email = form.cleaned_data["email"]
    request_verification_email(email, request=request)
    return _sent(request, address=email, email=email, ticket=Ticket.of(email).sign())


@csrf_protect  # it acts with the rights of whoever is logged in
def _resend_own(request: HttpRequest) -> HttpResponse:
    send_verification_email(request.user, request=request)
    return _sent(request, address=email_of(request.user))


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
            return _welcome(request, found[0], ticket.next_url if ticket else "")
        form.add_error("code", _WRONG_CODE)
    if ticket is None:
        return _sent(request, address=email_of(request.user), code_form=form)
    return _sent_by_ticket(request, request.POST["ticket"], ticket, code_form=form)


@csrf_protect  # it acts with the rights of whoever is logged in
def _try_own_code(request: HttpRequest) -> HttpResponse:
    return _try_code(request, None)


def _rows_with_code(ticket: Ticket | None, user: Any) -> list[EmailAddress]:
    rows = EmailAddress.objects.exclude(code_hash="")
    if ticket is None:
        key = mailbox_key(email_of(user))
        rows = rows.filter(user_id=user.pk, mailbox_key=key, purpose="verify")
    else:
        rows = rows.filter(mailbox_key=ticket.mailbox, purpose=ticket.purpose)
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
        return redirect(result.sent_url)
    return show(
        request,
        "change",
        form=form,
        address=email_of(request.user),
        pending=pending_change(request.user),
    )
