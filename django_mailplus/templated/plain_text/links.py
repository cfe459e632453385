"""Where a link leads, as a person would write it."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

__all__ = ["says_the_same", "target"]

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
# They mean nothing outside a browser, or outside the HTML part.
_DEAD_SCHEMES = frozenset(
    {"about", "blob", "cid", "data", "file", "javascript", "vbscript"}
)
_PEOPLE = frozenset({"mailto", "tel", "sms", "callto"})
# Browsers drop the first of these and encode the others; a text would end the URL there.
_LINE_ENDS = re.compile(r"[\t\r\n]+")
_UNWRITABLE = re.compile(
    "[\x00-\x20\x7f-\x9f\\s\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)


def target(href: str | None) -> str:
    """The URL, address or number of a link; empty if it leads nowhere a reader could go."""
    url = _LINE_ENDS.sub("", (href or "").strip())
    if not url or url.startswith("#"):
        return ""
    if match := _SCHEME.match(url):
        scheme = match[1].lower()
        if scheme in _DEAD_SCHEMES:
            return ""
        if scheme in _PEOPLE:
            url = unquote(url[match.end() :].partition("?")[0]).strip()
    return _UNWRITABLE.sub(_encoded, url)


def _encoded(match: re.Match[str]) -> str:
    return quote(match[0])


def says_the_same(text: str, url: str) -> bool:
    """Whether the text of a link only repeats where it leads: `example.com` does, too."""
    return text == url or _bare(text) == _bare(url) or _is_number(text, url)


def _bare(url: str) -> str:
    url = url.lower().rstrip("/")
    for prefix in ("https://", "http://", "mailto:", "tel:", "www."):
        url = url.removeprefix(prefix)
    return url


def _is_number(text: str, url: str) -> bool:
    """The same telephone number, spaced as people do."""
    digits = re.sub(r"[\s()./-]", "", text)
    return digits.removeprefix("+").isdigit() and digits == re.sub(r"[().-]", "", url)
