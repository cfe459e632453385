"""The HTML of a stranger as a document for a sandboxed frame.

Three locks, each of which would do: the `sandbox` of the frame, the policy of
`frame_headers`, and the rewriting here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from django.utils.translation import gettext

from django_mailplus.viewer.bodies import LONGEST_SHOWN, read_body
from django_mailplus.viewer.images import InlineImages
from django_mailplus.viewer.mime import Parsed, Part, parse
from django_mailplus.viewer.rewriting import Rewriter

__all__ = ["SCHEMES", "FrameDocument", "frame_document", "frame_headers"]

_SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"
_POLICY = (
    f"{_SANDBOX}; default-src 'none'; style-src 'unsafe-inline'; img-src {{images}}; "
    "font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)

# `color-scheme: light dark` in a style, `name="color-scheme" content="light dark"`.
_KNOWS_DARK = re.compile(r"color-scheme[^<>;}]{0,80}dark", re.IGNORECASE)
_BASE = '<base target="_blank">'
_STYLE = "<style>:root{{color-scheme:{} !important}}{}</style>"
_TURNED = "filter:invert(1) hue-rotate(180deg) !important"
SCHEMES = {
    "light": "",
    "dark": "",
    # As clients do it to mails that have no dark design: all colours turned, pictures not.
    "inverted": f"html{{background:#fff !important;{_TURNED}}}img,video{{{_TURNED}}}",
}
"""The values of `scheme`, and the styles that come with each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameDocument:
    """A page to be served with `frame_headers`, and what was found in it."""

    html: str

    remote_hosts: tuple[str, ...]
    """Those that pictures, fonts and styles would be asked of; in the order of the page."""

    blocked: int
    """How many things were taken out: what could run or send, and links that lead nowhere."""


def frame_document(
    mail: bytes | Parsed, *, load_remote: bool = False, scheme: str | None = None
) -> FrameDocument:
    """The HTML part of a message, harmless; its text if it has none. Never raises for a mail.

    The first LONGEST_SHOWN bytes of it, and then a word that there is more.

    Serve it with `frame_headers` of the same `load_remote`. Without it, remote pictures
    have the room that their attributes give them. `scheme` is one of SCHEMES: "light" and
    "dark" answer `prefers-color-scheme` in the page itself, whatever the browser prefers.
    """
    leaves = parse(mail).leaves
    html, is_cut = _page(leaves)
    rewriter = Rewriter(
        InlineImages(leaves),
        head=_BASE + _scheme_style(html, scheme),
        prefers=None if scheme is None else "dark" if scheme == "dark" else "light",
        load_remote=load_remote,
    )
    page = rewriter.rewrite(html)
    if is_cut:
        page += f"<p>{escape(gettext('The rest is left out.'))}</p>"
    return FrameDocument(
        html=page, remote_hosts=tuple(rewriter.hosts), blocked=rewriter.blocked
    )


def frame_headers(*, load_remote: bool) -> dict[str, str]:
    """Of the response with the page: nothing runs, is sent or, but for pictures, loaded.

    They hold when the page is opened alone, too. Links open in a new window; a frame whose
    own `sandbox` is stricter leads nowhere.
    """
    images = "data: https: http:" if load_remote else "data:"
    return {
        "Content-Security-Policy": _POLICY.format(images=images),
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-DNS-Prefetch-Control": "off",
        "X-Frame-Options": "SAMEORIGIN",
    }


def _page(leaves: Sequence[Part]) -> tuple[str, bool]:
    """The HTML, and whether it was cut."""
    if (html := read_body(leaves, "text/html", LONGEST_SHOWN)) is not None:
        return html.text, html.left_out > 0
    text = read_body(leaves, "text/plain", LONGEST_SHOWN)
    page = escape(text.text if text else "")
    page = (
        "<!doctype html><style>:root{color-scheme:light dark}</style>"
        f'<pre style="white-space:pre-wrap">{page}</pre>'
    )
    return page, text is not None and text.left_out > 0


def _scheme_style(html: str, scheme: str | None) -> str:
    """A page that says nothing of dark colours is made for light ones: so clients show it."""
    if scheme is None:
        return ""
    knows_dark = scheme == "dark" and _KNOWS_DARK.search(html)
    return _STYLE.format("dark" if knows_dark else "light", SCHEMES[scheme])
