"""The pages of the previews: the wall, a mail in its languages, and its frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from django_mailplus.inbox.access import inbox_page
from django_mailplus.inbox.framing import frame_response, remote_choice
from django_mailplus.inbox.release import possible, send_only_to
from django_mailplus.inbox.telling import tell, tell_of_sending
from django_mailplus.pages.choosing import Choice, choose
from django_mailplus.previews.cases import Case, Preview, Shown
from django_mailplus.previews.finding import find_preview, find_previews
from django_mailplus.previews.forms import ValuesForm, form_of
from django_mailplus.previews.judging import findings
from django_mailplus.previews.languages import languages
from django_mailplus.viewer import view
from django_mailplus.viewer.frame import SCHEMES, frame_document, frame_headers

__all__ = ["frame", "page", "send", "wall"]

ALL = "all"
WIDTHS = ("desktop", "tablet", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """A mail in one language, as the page shows it."""

    language: str
    shown: Shown
    frame_url: str

    @property
    def seen(self) -> Any:
        return view(self.shown.raw)

    @property
    def findings(self) -> Any:
        return findings(self.shown)

    @property
    def remote_hosts(self) -> tuple[str, ...]:
        return frame_document(self.shown.raw).remote_hosts


@inbox_page("GET", "HEAD")
def wall(request: HttpRequest) -> HttpResponse:
    """Every mail and case as a small live frame; each is rendered when it is seen."""
    spoken = languages()
    language, in_language = _choose(request, "lang", *spoken)
    cards = [
        (
            preview,
            [(case, *_urls(preview, case, lang=language)) for case in preview.cases],
        )
        for preview in find_previews()
    ]
    context = {
        "cards": cards,
        "in_language": in_language,
        "debug": settings.DEBUG,
    }
    return render(request, "mailplus/previews/wall.html", context)


@inbox_page("GET", "HEAD")
def page(request: HttpRequest, mail: str, case: str) -> HttpResponse:
    """One case: in one language or all, as HTML or text, with other values."""
    preview, chosen = _found(mail, case)
    form = form_of(chosen, request.GET)
    spoken = languages()
    language, in_language = _choose(
        request, "lang", *[ALL] * (len(spoken) > 1), *spoken, usual=spoken[0]
    )
    kind, in_kind = choose(request, "as", {"html": "HTML", "text": "Text"})
    width, in_width = choose(request, "width", _titles(WIDTHS))
    scheme, in_scheme = choose(request, "scheme", {"": "As here", **_titles(SCHEMES)})
    asked = spoken if language == ALL else [language]
    look = {"scheme": scheme, "remote": request.GET.get("remote", "")}
    sheets = [_sheet(preview, chosen, form, each, look) for each in asked]
    framed = sheets if kind == "html" else []
    hosts = dict.fromkeys(host for sheet in framed for host in sheet.remote_hosts)
    return render(
        request,
        "mailplus/previews/page.html",
        {
            "preview": preview,
            "case": chosen,
            "form": form,
            "sheets": sheets,
            "language": language,
            "kind": kind,
            "width": width,
            "scheme": scheme,
            **remote_choice(request, tuple(hosts)),
            "choices": {
                "Language": in_language,
                "Part": in_kind,
                "Width": in_width,
                "Colours": in_scheme,
            },
            "release": possible(),
            "debug": settings.DEBUG,
            "send_url": _urls(preview, chosen, name="send")[0],
        },
    )


@inbox_page("GET", "HEAD")
def frame(request: HttpRequest, mail: str, case: str) -> HttpResponse:
    """The HTML of a case for its sandboxed frame; what went wrong in its place."""
    _, chosen = _found(mail, case)
    shown = chosen.show(
        _one_of(languages(), request.GET.get("lang")),
        form_of(chosen, request.GET).values(),
    )
    if shown.problem is None:
        return frame_response(request, shown.raw)
    context = {"problem": shown.problem, "debug": settings.DEBUG}
    html: str = render_to_string("mailplus/previews/problem.html", context)
    return HttpResponse(html, headers=frame_headers(load_remote=False))


@inbox_page("POST")
def send(request: HttpRequest, mail: str, case: str) -> HttpResponse:
    """Send the sample to one address that INBOX_RELEASE_TO allows."""
    preview, chosen = _found(mail, case)
    back = _urls(preview, chosen)[0]
    shown = chosen.show(
        _one_of(languages(), request.POST.get("lang")),
        form_of(chosen, request.POST).values(),
    )
    if shown.problem is not None:
        return tell(request, "Not sent.", shown.problem.line, back=back, status=400)
    return tell_of_sending(
        request,
        partial(send_only_to, shown.message),
        back=back,
        done="Sent.",
        failed="Not sent.",
    )


def _found(mail: str, case: str) -> tuple[Preview, Case]:
    preview = find_preview(mail)
    found = preview.case(case) if preview is not None else None
    if preview is None or found is None:
        raise Http404("There is no such mail.")
    return preview, found


def _urls(
    preview: Preview, case: Case, *, name: str = "page", **query: str
) -> tuple[str, str]:
    """A page of a case and its frame."""
    path = [preview.slug, case.slug]
    asked = f"?{urlencode(query)}" if query else ""
    return (
        reverse(f"mailplus_previews:{name}", args=path) + asked,
        reverse("mailplus_previews:frame", args=path) + asked,
    )


def _sheet(
    preview: Preview,
    case: Case,
    form: ValuesForm,
    language: str,
    look: Mapping[str, str],
) -> _Sheet:
    looks = {name: value for name, value in look.items() if value}
    query = {"lang": language, **form.given(), **looks}
    return _Sheet(
        language=language,
        shown=case.show(language, form.values()),
        frame_url=_urls(preview, case, **query)[1],
    )


def _choose(
    request: HttpRequest, name: str, *values: str, usual: str = ""
) -> tuple[str, list[Choice]]:
    return choose(request, name, {each: each for each in values}, usual=usual)


def _titles(values: Iterable[str]) -> dict[str, str]:
    return {each: each.capitalize() for each in values}


def _one_of(known: Sequence[str], value: str | None) -> str:
    return value if value is not None and value in known else known[0]
