"""Who may do what with the outbox in the admin, and what happens when they do.

Rows change by the verbs of `transitions` alone.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_mailplus.outbox.actions.selecting import scheduled
from django_mailplus.outbox.actions.verbs import Verb
from django_mailplus.outbox.admin.listing import CappedPaginator
from django_mailplus.outbox.models import OutboxMessage, Payload, database
from django_mailplus.outbox.states import State

__all__ = ["ActingAdmin"]

_LOGGED = 1_000  # mails of one action that get a line in the admin's history


def _suitable(verb: Verb, mails: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    """Those that it changes; see `Verb.suits`."""
    found = mails.filter(state__in=verb.start)
    if not verb.needs_content:
        return found
    content = Payload.objects.using(database()).filter(mail=OuterRef("pk"))
    return found.filter(Q(state=State.QUEUED) | Exists(content))


class ActingAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Nothing is added, edited or deleted here."""

    # --- Who may what --------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view_outboxmessage")

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "send_outboxmessage")

    def has_content_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view_outbox_content")

    @staticmethod
    def _may(request: HttpRequest, codename: str) -> bool:
        return bool(request.user.has_perm(f"mailplus.{codename}"))

    # --- The verbs -----------------------------------------------------------------------

    def act(
        self,
        request: HttpRequest,
        verb: Verb,
        mails: QuerySet[OutboxMessage],
        *,
        back: str = "",
    ) -> HttpResponse | None:
        """Do it, or ask first; None once it is done.

        Asked is before what has no way back, and before what is done to more mails than
        the list has counted.
        """
        if not self.has_send_permission(request):
            raise PermissionDenied
        across = request.POST.get("select_across") == "1"
        is_capped = across and CappedPaginator(mails, self.list_per_page).is_capped
        if across and verb.hastens:
            self._tell_left_out(request, mails.filter(scheduled()).order_by().count())
            mails = mails.filter(~scheduled())
        if (verb.question or is_capped) and "confirmed" not in request.POST:
            back = back or request.get_full_path()
            return self._ask(request, verb, mails, back=back, is_capped=is_capped)
        logged = list(_suitable(verb, mails).order_by().only("pk")[:_LOGGED])
        changed = verb.act(mails.order_by())
        if changed and logged:
            self._log(request, verb, logged)
        self._tell(request, verb, changed)
        return None

    def _ask(
        self,
        request: HttpRequest,
        verb: Verb,
        mails: QuerySet[OutboxMessage],
        *,
        back: str,
        is_capped: bool,
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            "mailplus/outbox/confirm.html",
            {
                **self.context(request, title=verb.label),
                "verb": verb,
                "back": back,
                "count": mails.order_by().count(),
                "is_capped": is_capped,
                "fields": [
                    (name, value)
                    for name in ("action", "select_across", ACTION_CHECKBOX_NAME)
                    for value in request.POST.getlist(name)
                ],
            },
        )

    def _log(
        self, request: HttpRequest, verb: Verb, mails: list[OutboxMessage]
    ) -> None:
        from django.contrib.admin.models import CHANGE, LogEntry

        LogEntry.objects.log_actions(
            request.user.pk,  # type: ignore[arg-type]  # of somebody who is logged in
            mails,
            CHANGE,
            change_message=str(verb.label),
        )

    def _tell(self, request: HttpRequest, verb: Verb, changed: int) -> None:
        if not changed:
            text = _("%(verb)s: no mail is in a state for that.") % {"verb": verb.label}
            self.message_user(request, text, messages.WARNING)
            return
        text = ngettext(
            "%(verb)s: %(count)d mail.", "%(verb)s: %(count)d mails.", changed
        )
        told = text % {"verb": verb.label, "count": changed}
        self.message_user(request, told, messages.SUCCESS)

    def _tell_left_out(self, request: HttpRequest, count: int) -> None:
        if count:
            text = ngettext(
                "%(count)d mail was left out: it is scheduled for later. Tick it to mean it.",
                "%(count)d mails were left out: they are scheduled for later."
                " Tick those that you mean.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.WARNING)

    # --- Pages ---------------------------------------------------------------------------

    def context(self, request: HttpRequest, **values: Any) -> dict[str, Any]:
        """What the admin's own frame of a page asks for."""
        request.current_app = self.admin_site.name  # whose pages {% url %} leads to
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "has_view_permission": True,
            "original": values.get("title", ""),  # the last of the breadcrumbs
            "change": True,
            "add": False,
            "is_popup": False,
            **values,
        }

    def url(self, name: str, *args: Any) -> str:
        full = f"admin:mailplus_outboxmessage_{name}"
        return reverse(full, args=args, current_app=self.admin_site.name)
