"""One mail in the admin: where it goes, what became of it, and what it says."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_mailplus.outbox.actions.verbs import VERBS
from django_mailplus.outbox.admin.listing import mailer_name, state_label
from django_mailplus.outbox.content import (
    UnreadableError,
    read_attachment,
    read_bytes,
    read_content,
)
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Payload,
    ProviderMessage,
    Recipient,
    TrackingEvent,
    database,
)
from django_mailplus.viewer import clean_line, clean_text
from django_mailplus.viewer.frame import frame_document, frame_headers

if TYPE_CHECKING:
    from django_mailplus.outbox.admin.acting import ActingAdmin

__all__ = ["act", "attachment", "download", "html", "show", "source", "subject_of"]

_TEXT_SHOWN = 200_000  # characters of a text in a page
_SOURCE_SHOWN = 1_000_000  # bytes
_RECIPIENTS_SHOWN = 200
_TRIES_SHOWN = 100
_EVENTS_SHOWN = 200
_LONGEST_FILE_NAME = 80  # characters; file systems have room for 255 bytes
# What Windows refuses or a shell might read, and pictures of control characters.
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.,()\[\]+@ -]")

# Of what is no page.
_NOTHING_POLICY = "sandbox; default-src 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fate:
    address: str
    state: str
    state_name: str
    reply: str


def subject_of(mail: OutboxMessage) -> str:
    """The subject, for who may read what mails say."""
    if mail.sensitive:
        return _("(sensitive)")
    return clean_line(mail.subject) or _("(no subject)")


def show(page: ActingAdmin, request: HttpRequest, mail: OutboxMessage) -> HttpResponse:
    may_read = page.has_content_permission(request)
    has_content = Payload.objects.using(database()).filter(pk=mail.pk).exists()
    subject = subject_of(mail) if may_read else _("Mail")
    tries = Attempt.objects.using(database()).filter(mail=mail).order_by("-pk")
    newest = list(tries[: _TRIES_SHOWN + 1])
    events = list(_events(mail)[: _EVENTS_SHOWN + 1])
    return _kept_private(
        TemplateResponse(
            request,
            "mailplus/outbox/mail.html",
            {
                **page.context(request, title=subject, original=str(mail.pk)),
                "mail": mail,
                "shown_state": state_label(mail),
                "mailer": mailer_name(clean_line(mail.mailer)),
                "sender": clean_line(mail.mail_from),
                "message_id": clean_line(mail.message_id),
                "reply": _reply(mail),
                "fates": list(_fates(mail)),
                "more_recipients": max(len(mail.recipients) - _RECIPIENTS_SHOWN, 0),
                "tries": [(tried, _reply(tried)) for tried in newest[:_TRIES_SHOWN]],
                "more_tries": len(newest) > _TRIES_SHOWN,
                "named": [_named(row) for row in _names(mail)[:_RECIPIENTS_SHOWN]],
                "events": [
                    (event, clean_line(event.address), clean_line(event.text))
                    for event in events[:_EVENTS_SHOWN]
                ],
                "more_events": len(events) > _EVENTS_SHOWN,
                "verbs": [
                    verb
                    for verb in VERBS.values()
                    if verb.suits(mail, has_content=has_content)
                ]
                if page.has_send_permission(request)
                else [],
                "content": _shown_content(mail) if may_read else None,
            },
        )
    )


def _fates(mail: OutboxMessage) -> Iterator[_Fate]:
    """Each recipient with its own fate, or else with that of the whole mail."""
    addresses = mail.recipients[:_RECIPIENTS_SHOWN]
    own = {
        fate.address: fate
        for fate in Recipient.objects.using(database()).filter(
            mail=mail, address__in=addresses
        )
    }
    for address in addresses:
        fate = own.get(address, mail)
        yield _Fate(
            address=clean_line(str(address)),
            state=fate.state,
            state_name=fate.get_state_display(),
            reply=_reply(fate),
        )


def _names(mail: OutboxMessage) -> QuerySet[ProviderMessage]:
    """What providers call it, in the order of the tries."""
    rows = ProviderMessage.objects.using(database())
    return rows.filter(mail=mail).order_by("pk")


def _named(row: ProviderMessage) -> tuple[str, ...]:
    columns = (row.provider, row.external_id, row.address, row.status)
    return tuple(clean_line(column) for column in columns)


def _events(mail: OutboxMessage) -> QuerySet[TrackingEvent]:
    """The newest first, by when they happened: they arrive in any order."""
    rows = TrackingEvent.objects.using(database())
    return rows.filter(mail=mail).order_by("-happened_at", "-pk")


def _reply(row: OutboxMessage | Recipient | Attempt) -> str:
    words = [str(row.code or ""), row.enhanced, row.text]
    # Many servers say the enhanced code in the text, too.
    if row.text.startswith(row.enhanced):
        del words[1]
    return clean_line(" ".join(word for word in words if word))


def _shown_content(mail: OutboxMessage) -> Mapping[str, Any]:
    try:
        content = read_content(mail)
    except UnreadableError as error:
        return {
            "problem": _WHY[error.why],
            "detail": error.detail,
            "can_download": error.why == "large",
        }
    text = content.view.text
    return {
        "view": content.view,
        "text": None if text is None else text[:_TEXT_SHOWN],
        "is_cut": text is not None and len(text) > _TEXT_SHOWN,
        "size": len(content.raw),
        "can_download": True,
        "can_show_source": True,
    }


_WHY = {
    "sensitive": gettext_lazy(
        "This mail is marked as sensitive: what it says is never shown."
    ),
    "erased": gettext_lazy("What this mail said has been erased."),
    "broken": gettext_lazy(
        "What this mail says cannot be read, and the mail cannot be sent."
    ),
    "large": gettext_lazy("This mail is too large to be shown here. Download it."),
}


# --- What a mail says, by itself -----------------------------------------------------------


def html(page: ActingAdmin, request: HttpRequest, *, pk: uuid.UUID) -> HttpResponse:
    """The HTML part, for the sandboxed frame of the page."""
    mail = _readable(page, request, pk)
    try:
        raw = read_content(mail).raw
    except UnreadableError as error:
        raise Http404(error.why) from None
    headers = frame_headers(load_remote=False)
    return HttpResponse(frame_document(raw).html, headers=headers)


def source(page: ActingAdmin, request: HttpRequest, *, pk: uuid.UUID) -> HttpResponse:
    """The mail as it is sent, as text that no browser takes for anything else."""
    raw = _bytes(_readable(page, request, pk))
    text = clean_text(raw[:_SOURCE_SHOWN].decode("utf-8", "replace"))
    if len(raw) > _SOURCE_SHOWN:
        text += "\n\n" + _("(The rest of %(size)d bytes is left out.)") % {
            "size": len(raw)
        }
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Security-Policy"] = _NOTHING_POLICY
    return _kept_private(response)


def download(page: ActingAdmin, request: HttpRequest, *, pk: uuid.UUID) -> HttpResponse:
    response = HttpResponse(
        _bytes(_readable(page, request, pk)), content_type="message/rfc822"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{pk}.eml"'
    return _kept_private(response)


def attachment(
    page: ActingAdmin, request: HttpRequest, *, pk: uuid.UUID, number: int
) -> HttpResponse:
    """One attachment, to be kept in a file: no browser shows what somebody attached."""
    mail = _readable(page, request, pk)
    try:
        found = read_attachment(mail, number)
    except UnreadableError as error:
        raise Http404(error.why) from None
    if found is None:
        raise Http404("There is no such attachment.")
    told, data = found
    response = HttpResponse(data, content_type="application/octet-stream")
    name = _file_name(told.filename) or f"attachment-{number + 1}"
    header = content_disposition_header(as_attachment=True, filename=name)
    response.headers["Content-Disposition"] = header
    response.headers["Content-Security-Policy"] = _NOTHING_POLICY
    return _kept_private(response)


def _file_name(told: str) -> str:
    """Without a path or what a system takes for more than a name; the ending stays."""
    name = _NOT_IN_FILE_NAMES.sub("_", told.replace("\\", "/").rpartition("/")[2])
    return name[-_LONGEST_FILE_NAME:].lstrip("-. ").rstrip(". ")


def _readable(page: ActingAdmin, request: HttpRequest, pk: uuid.UUID) -> OutboxMessage:
    if not (page.has_view_permission(request) and page.has_content_permission(request)):
        raise PermissionDenied
    return _get(pk)


def _get(pk: uuid.UUID) -> OutboxMessage:
    mail = OutboxMessage.objects.using(database()).filter(pk=pk).first()
    if mail is None:
        raise Http404("There is no such mail.")
    return mail


def _bytes(mail: OutboxMessage) -> bytes:
    try:
        return read_bytes(mail)
    except UnreadableError as error:
        raise Http404(error.why) from None


def _kept_private(response: HttpResponse) -> HttpResponse:
    """Told to no other site; taken for nothing else than what it says it is.

    Not `no-referrer`: browsers then send forms with `Origin: null`, which CSRF checks
    refuse.
    """
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


# --- What people do with it ----------------------------------------------------------------


def act(
    page: ActingAdmin, request: HttpRequest, *, pk: uuid.UUID, verb: str
) -> HttpResponse:
    if not (page.has_view_permission(request) and page.has_send_permission(request)):
        raise PermissionDenied
    if verb not in VERBS:
        raise Http404("There is no such verb.")
    there = page.url("change", _get(pk).pk)
    if request.method == "POST":
        only = OutboxMessage.objects.using(database()).filter(pk=pk)
        question = page.act(request, VERBS[verb], only, back=there)
        if question is not None:
            return question
    return HttpResponseRedirect(there)
