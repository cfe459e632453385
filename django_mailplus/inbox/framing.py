"""The HTML of a mail in its frame: pictures of elsewhere are loaded when somebody asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from django_mailplus.pages.choosing import choose
from django_mailplus.viewer.bodies import MOST_SHOWN
from django_mailplus.viewer.frame import SCHEMES, frame_document, frame_headers

__all__ = ["frame_response", "remote_choice"]


def frame_response(request: HttpRequest, raw: bytes) -> HttpResponse:
    """The HTML part, for the sandboxed frame of a page; `?remote=1` loads its pictures."""
    load_remote = request.GET.get("remote") == "1"
    scheme = request.GET.get("scheme")
    document = frame_document(
        raw, load_remote=load_remote, scheme=scheme if scheme in SCHEMES else None
    )
    return HttpResponse(document.html, headers=frame_headers(load_remote=load_remote))


def remote_choice(request: HttpRequest, hosts: Sequence[str]) -> dict[str, Any]:
    """What `mailplus/inbox/remote.html` shows; `remote` is for the address of the frame."""
    titles = {"0": "Leave remote images out", "1": "Load remote images"}
    remote, choices = choose(request, "remote", titles)
    return {
        "remote": remote,
        "remote_hosts": hosts[:MOST_SHOWN],
        "other_loading": next(each for each in choices if not each.is_chosen),
    }
