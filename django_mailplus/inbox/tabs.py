"""The tabs of a mail: what each shows of it.

None shows more than LONGEST_SHOWN bytes of a text, of HTML or of the source, and more than
MOST_SHOWN of anything; `left_out` says what is missing. So a mail of 50 MB takes no longer than
any other, and whoever wants all of it downloads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from django_mailplus.figures import count_of, size_of
from django_mailplus.inbox.framing import remote_choice
from django_mailplus.inbox.leading import leading
from django_mailplus.inbox.models import CaughtMail
from django_mailplus.inbox.parts import LARGEST_IMAGE
from django_mailplus.pages.choosing import choose
from django_mailplus.viewer import (
    MessageView,
    clean_line,
    clean_text,
    links_in,
    view,
)
from django_mailplus.viewer.bodies import LONGEST_SHOWN, MOST_SHOWN
from django_mailplus.viewer.frame import frame_document
from django_mailplus.viewer.images import RASTER_TYPES
from django_mailplus.viewer.mime import Parsed, parse
from django_mailplus.viewer.tree import Part, mime_tree

__all__ = ["TABS", "Opened", "attachments"]

_DEEPEST_SHOWN = 8  # steps to the right


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A mail that is taken apart once, for all that its page shows."""

    mail: CaughtMail
    parsed: Parsed
    seen: MessageView

    @classmethod
    def of(cls, mail: CaughtMail) -> Opened:
        parsed = parse(mail.content)
        return cls(mail=mail, parsed=parsed, seen=view(parsed, in_brief=True))


def _count(number: int, thing: str) -> str:
    return count_of(number, thing) if number > 0 else ""


def _size(octets: int) -> str:
    return size_of(octets) if octets > 0 else ""


def attachments(opened: Opened) -> dict[str, Any]:
    """What stands above all tabs: the files of the mail, and how many more there are."""
    files = [
        {
            "number": number,
            "name": told.filename or f"attachment-{number + 1}",
            "type": told.content_type,
            "size": size_of(told.size),
            "is_image": told.content_type in RASTER_TYPES
            and told.size <= LARGEST_IMAGE,
        }
        for number, told in enumerate(opened.seen.attachments)
    ]
    left_out = opened.seen.attachments_left_out
    return {"attachments": files, "attachments_left_out": left_out}


def _html(request: HttpRequest, opened: Opened) -> dict[str, Any]:
    """Width and colours are in the address: that works without JavaScript."""
    width, widths = _chosen(request, "width", "full", "tablet", "phone")
    scheme, schemes = _chosen(request, "scheme", "light", "dark", "inverted")
    document = frame_document(opened.parsed)
    remote = remote_choice(request, document.remote_hosts)
    asked = urlencode({"remote": remote["remote"], "scheme": scheme})
    url = reverse("mailplus_inbox:frame", args=[opened.mail.pk])
    return {
        "has_html": opened.seen.html is not None,
        "width": width,
        "widths": widths,
        "scheme": scheme,
        "schemes": schemes,
        **remote,
        "blocked": document.blocked,
        "frame_url": f"{url}?{asked}",
        "left_out": _size(opened.seen.html_left_out),
    }


def _chosen(request: HttpRequest, name: str, *values: str) -> Any:
    return choose(request, name, {value: value.capitalize() for value in values})


def _text(request: HttpRequest, opened: Opened) -> dict[str, Any]:
    seen = opened.seen
    return {
        "text": seen.text,
        "links": links_in(seen)[:MOST_SHOWN],
        "left_out": _size(seen.text_left_out),
    }


def _source(request: HttpRequest, opened: Opened) -> dict[str, Any]:
    raw = opened.mail.content
    return {
        "source": clean_text(raw[:LONGEST_SHOWN].decode("utf-8", "replace")),
        "left_out": _size(len(raw) - LONGEST_SHOWN),
    }


def _headers(request: HttpRequest, opened: Opened) -> dict[str, Any]:
    headers = opened.seen.headers
    left_out = _count(len(headers) - MOST_SHOWN, "header")
    return {"headers": headers[:MOST_SHOWN], "left_out": left_out}


def _parts(request: HttpRequest, opened: Opened) -> dict[str, Any]:
    """The tree as a list, each part with its depth: templates need no recursion for it."""
    rows: list[tuple[int, Part, str]] = []
    waiting = [(0, mime_tree(opened.parsed, most=MOST_SHOWN))]
    while waiting:
        depth, part = waiting.pop()
        rows.append((min(depth, _DEEPEST_SHOWN), part, size_of(part.size)))
        waiting += [(depth + 1, child) for child in reversed(part.children)]
    is_cut = any(part.is_cut for _, part, _ in rows)
    left_out = "parts that are too many, or too deep" if is_cut else ""
    return {"parts": rows, "left_out": left_out}


_FACTS = {
    "code": "Code",
    "view": "View",
    "request": "Request",
    "command": "Command",
    "task": "Task",
    "mail": "Class",
    "template": "Template",
    "language": "Language",
}


def _origin(request: HttpRequest, opened: Opened) -> dict[str, Any]:
    mail = opened.mail
    chains = leading()
    return {
        "facts": [
            (_FACTS.get(name, name), clean_line(str(fact)))
            for name, fact in sorted(mail.origin.items())
        ],
        "chain": chains.pop(mail.mailer, ""),
        "leading": [*chains.values()],
        "delivery": mail.delivery,
    }


class _Tab(NamedTuple):
    title: str
    context: Callable[[HttpRequest, Opened], dict[str, Any]]


TABS: Mapping[str, _Tab] = {
    "html": _Tab("HTML", _html),
    "text": _Tab("Text", _text),
    "source": _Tab("Source", _source),
    "headers": _Tab("Headers", _headers),
    "parts": _Tab("Parts", _parts),
    "origin": _Tab("Origin", _origin),
}
