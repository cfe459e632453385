"""What a mail holds, by itself: its HTML for the frame, its bytes, its attachments."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from django_mailplus.inbox.access import inbox_page
from django_mailplus.inbox.framing import frame_response
from django_mailplus.inbox.listing import whole
from django_mailplus.viewer import attached
from django_mailplus.viewer.images import raster_type

__all__ = [
    "LARGEST_IMAGE",
    "attachment",
    "download",
    "frame",
    "image",
    "raw_page",
]

LARGEST_IMAGE = 5_000_000  # bytes
_LONGEST_FILE_NAME = 80  # characters; file systems have room for 255 bytes
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.,()\[\]+@ -]")
# Nothing is loaded, run, sent or followed; also when it is opened alone.
_INERT = "sandbox; default-src 'none'; frame-ancestors 'self'"


@inbox_page("GET", "HEAD")
def frame(request: HttpRequest, pk: int) -> HttpResponse:
    return frame_response(request, whole(pk).content)


@inbox_page("GET", "HEAD")
def raw_page(request: HttpRequest, pk: int) -> HttpResponse:
    """The bytes, as text that no browser takes for anything else."""
    response = HttpResponse(whole(pk).content, content_type="text/plain; charset=utf-8")
    response.headers["Content-Security-Policy"] = _INERT
    return response


@inbox_page("GET", "HEAD")
def download(request: HttpRequest, pk: int) -> HttpResponse:
    return _file(whole(pk).content, "message/rfc822", f"mail-{pk}.eml")


@inbox_page("GET", "HEAD")
def attachment(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """To be kept in a file: no browser shows what somebody attached."""
    if (found := attached(whole(pk).content, number)) is None:
        raise Http404("There is no such attachment.")
    told, data = found
    name = _file_name(told.filename) or f"attachment-{number + 1}"
    return _file(data, "application/octet-stream", name)


@inbox_page("GET", "HEAD")
def image(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """An attachment that begins as a picture does, as that kind of picture."""
    if (found := _picture(whole(pk).content, number)) is None:
        raise Http404("There is no such picture.")
    response = HttpResponse(found[1], content_type=found[0])
    response.headers["Content-Security-Policy"] = _INERT
    return response


def _picture(raw: bytes, number: int) -> tuple[str, bytes] | None:
    """Its type, by its first bytes, and the picture."""
    _, data = attached(raw, number) or (None, b"")
    kind = raster_type(data) if len(data) <= LARGEST_IMAGE else None
    return None if kind is None else (kind, data)


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    header = content_disposition_header(as_attachment=True, filename=name)
    response.headers["Content-Disposition"] = header
    response.headers["Content-Security-Policy"] = _INERT
    return response


def _file_name(told: str) -> str:
    """Without a path or what a system takes for more than a name; the ending stays."""
    name = _NOT_IN_FILE_NAMES.sub("_", told.replace("\\", "/").rpartition("/")[2])
    return name[-_LONGEST_FILE_NAME:].lstrip("-. ").rstrip(". ")
