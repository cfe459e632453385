"""The pages of links from mails: shown on GET, done on POST, by a button.

Mail scanners follow every link and some send bare forms, so neither verifies. These pages
need no cookie, and but for a change of address no login: their forms carry a token of
their own (see forms.py).
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_protect

from django_mailplus import conf
from django_mailplus.pages.showing import open_page, pressed
from django_mailplus.templated.recipient import email_field_of, email_of
from django_mailplus.verification.addresses import is_proved
from django_mailplus.verification.change_links import cancel_link, confirm_change_link
from django_mailplus.verification.forms import ResendForm
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.pages import show, visitor, welcome
from django_mailplus.verification.proofs import (
    Found,
    confirm_link,
    find_link,
    report_link,
)

__all__ = ["CancelChange", "ConfirmChange", "Report", "VerifyEmail"]


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

    def get(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        found = self.find(uidb64, token)
        if found is None:
            return self.invalid(request)
        return self.ask(request, *found)

    def ask(self, request: HttpRequest, user: Any, row: EmailAddress) -> HttpResponse:
        # Status 200 also for a bare POST: Django logs the path of a refusal, and the
        # link in it still works.
        return show(request, self.question, account=user, address=row)

    def post(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        if not pressed(request):  # a scanner, or a page that was open for days
            return self.get(request, uidb64, token)
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

    def ask(self, request: HttpRequest, user: Any, row: EmailAddress) -> HttpResponse:
        if is_proved(user, row) and not row.activates_user:
            return show(request, "already", address=row)
        return super().ask(request, user, row)

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        outcome, found = confirm_link(uidb64, token)
        if found is None or outcome not in ("verified", "already_verified"):
            return self.invalid(request, outcome or "")
        user, row = found
        if outcome == "already_verified":
            return show(request, "already", address=row)
        return welcome(request, user)


class ConfirmChange(LinkView):
    question = "change_confirm"

    def find(self, uidb64: str, token: str) -> Found | None:
        return find_link(uidb64, token, change=True)

    def ask(self, request: HttpRequest, user: Any, row: EmailAddress) -> HttpResponse:
        if row.verified_at is not None:
            return show(request, "change_done", address=row)
        return super().ask(request, user, row)

    def act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        if conf.setting("VERIFICATION_CHANGE_LOGIN"):
            return self._act_for_user(request, uidb64, token)
        return self._act(request, uidb64, token)

    @method_decorator(csrf_protect)  # it acts with the rights of whoever is logged in
    def _act_for_user(
        self, request: HttpRequest, uidb64: str, token: str
    ) -> HttpResponse:
        """A mistyped address is some stranger's, who could make the account theirs."""
        found, user = self.find(uidb64, token), visitor(request)
        if found is None:
            return self.invalid(request)
        if user is None:
            return redirect_to_login(request.get_full_path())
        if user != found[0]:
            return show(
                request,
                self.question,
                account=found[0],
                address=found[1],
                somebody_else=True,
            )
        return self._act(request, uidb64, token)

    def _act(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        outcome, row = confirm_change_link(uidb64, token, request=request)
        if row is None or outcome not in ("changed", "already_changed"):
            return self.invalid(request, outcome or "")
        if (user := visitor(request)) is not None and user == row.user:
            # Whoever saves request.user after us must not put the old address back.
            setattr(user, email_field_of(user), email_of(row.user))
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
