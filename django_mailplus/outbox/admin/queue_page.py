"""The page on which one sees how the outbox is doing, and pauses and resumes mailers."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.admin.chart import draw
from django_mailplus.outbox.admin.listing import mailer_name
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.mailers.configured import dispatches
from django_mailplus.outbox.models import MailerState
from django_mailplus.outbox.states import State
from django_mailplus.outbox.status import MailerStatus, read_status, sent_per_minute
from django_mailplus.viewer import clean_line

if TYPE_CHECKING:
    from django_mailplus.outbox.admin.acting import ActingAdmin

__all__ = ["act", "show"]

_LONGEST_REASON = 500  # characters, of the column


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """How many mails, and the list of them; no number of zero leads anywhere."""

    state: str
    name: str
    count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    status: MailerStatus
    name: str
    reason: str
    oldest: str
    counts: tuple[_Count, ...]
    stranded: str


def show(page: ActingAdmin, request: HttpRequest) -> HttpResponse:
    if not page.has_view_permission(request):
        raise PermissionDenied
    status = read_status()
    names = {mailer.alias: mailer for mailer in status.mailers}
    for alias in dispatches():
        names.setdefault(alias, MailerStatus(alias=alias, counts={}))
    base = page.url("changelist")
    chart = draw(sent_per_minute())
    response = TemplateResponse(
        request,
        "mailplus/outbox/queue.html",
        {
            **page.context(request, title=_("Queue")),
            "due": status.due,
            "oldest": _age(status.oldest) if status.due else "",
            "chart": chart,
            "totals": _counts(status.counts, base, {}),
            "rows": [_row(names[alias], base) for alias in sorted(names)],
            "may_send": page.has_send_permission(request),
        },
    )
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _row(mailer: MailerStatus, base: str) -> _Row:
    return _Row(
        status=mailer,
        name=mailer_name(clean_line(mailer.alias)),
        reason=clean_line(mailer.reason),
        oldest=_age(mailer.oldest) if mailer.due else "",
        counts=_counts(mailer.counts, base, {"mailer": mailer.alias}),
        stranded=_stranded(mailer),
    )


def _counts(
    counts: Mapping[State, int], base: str, asked: Mapping[str, str]
) -> tuple[_Count, ...]:
    return tuple(
        _Count(
            state=state.value,
            name=str(state.label),
            count=counts.get(state, 0),
            url=f"{base}?{urlencode({'state': state.value, **asked})}",
        )
        for state in State
    )


def _stranded(mailer: MailerStatus) -> str:
    if not mailer.stranded:
        return ""
    return _(
        "Nothing sends what waits here: no outbox names this mailer in 'using'. Put it back, "
        "or let another one send: %(command)s"
    ) % {
        "command": f"manage.py mailqueue move {shlex.quote(clean_line(mailer.alias))} --to ..."
    }


def _age(seconds: float) -> str:
    if seconds < 60:
        return _("%(count)d s") % {"count": seconds}
    now = timezone.now()
    return timesince(now - datetime.timedelta(seconds=seconds), now, depth=1)


def act(page: ActingAdmin, request: HttpRequest, *, verb: str) -> HttpResponse:
    """Pause or resume the mailer that the form names."""
    if not (page.has_view_permission(request) and page.has_send_permission(request)):
        raise PermissionDenied
    if verb not in ("pause", "resume"):
        raise Http404("There is no such verb.")
    alias = request.POST.get("mailer")
    if request.method == "POST" and alias is not None:
        if alias not in {*dispatches(), *(m.alias for m in read_status().mailers)}:
            raise Http404("There is no such mailer.")
        _pause(request, alias) if verb == "pause" else transitions.resume(alias)
        said = _DONE[verb] % {"mailer": mailer_name(clean_line(alias))}
        page.log_change(request, MailerState(alias=alias), said)
        page.message_user(request, said, messages.SUCCESS)
    return HttpResponseRedirect(page.url("queue"))


_DONE = {
    "pause": gettext_lazy("%(mailer)s is paused: nothing is sent over it."),
    "resume": gettext_lazy("%(mailer)s sends again."),
}


def _pause(request: HttpRequest, alias: str) -> None:
    reason = clean_line(request.POST.get("reason", ""))
    reason = reason or _("Paused by %(user)s") % {"user": request.user.get_username()}
    pausing.pause_by_hand(alias, reason[:_LONGEST_REASON])
