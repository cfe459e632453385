"""The links of a text or a page of HTML, trimmed as a reader would.

What a page is made of, styles and all, is read in `viewer.verdict.reading`, for the verdict alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from django_mailplus.viewer.cleaning import clean_line, clean_text
from django_mailplus.viewer.markup import Token, attributes, tokens

__all__ = ["Link", "find_links", "html_links", "html_text", "text_links"]

# Control pictures and U+FFFD end a link: they stand where a control character was.
_LINK = re.compile(r"https?://[^\s<>\"`\u2400-\u2421\ufffd]+", re.IGNORECASE)
_PAIRS = {")": "(", "]": "[", "}": "{"}
# Never "_", "-" or "=": tokens end so.
_AFTER_LINK = frozenset(".,;:!?'\u2019\u201d\u00bb")
# Characters of a part that are searched; more is an attack on the reader's time.
_SEARCH_LIMIT = 2_000_000

_UNREAD = frozenset(
    {"head", "iframe", "noembed", "noframes", "script", "style", "template", "title"}
)
# fmt: off
_INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "em", "font", "i", "img", "ins",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
})
# fmt: on
_BUTTON_STYLE = re.compile(r"inline-block|padding\s*:|background")
_BUTTON_CLASS = re.compile(r"\b(?:btn|button)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where it leads and what stands on it; that is its URL in a text without HTML."""

    url: str
    text: str
    is_button: bool = False


def find_links(text: str) -> tuple[str, ...]:
    """The http and https URLs of a text, each once, without the punctuation after them."""
    return tuple(
        dict.fromkeys(
            _trim_link(found[0]) for found in _LINK.finditer(text[:_SEARCH_LIMIT])
        )
    )


def text_links(text: str) -> tuple[Link, ...]:
    return tuple(Link(url=url, text=url) for url in find_links(text))


def html_links(html: str) -> tuple[Link, ...]:
    """The http and https targets of `a` and `area`, in their order; one may come twice."""
    return tuple(_read(html).links)


def html_text(html: str) -> str:
    """What a page says, a line for each block: to search in, not to show."""
    return clean_text("".join(_read(html).said))


def _read(html: str) -> _Reader:
    reader = _Reader()
    for token in tokens(html[:_SEARCH_LIMIT]):
        reader.take(token)
    reader.end_link()
    return reader


def _trim_link(link: str) -> str:
    """Without the punctuation of the sentence; a closing bracket stays if one was opened."""
    surplus = {
        close: link.count(close) - link.count(opened)
        for close, opened in _PAIRS.items()
    }
    end = len(link)
    while end:
        last = link[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _AFTER_LINK:
            break
        end -= 1
    return link[:end]


class _Reader:
    """Goes through a page once, for its links and its words."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.said: list[str] = []
        self._unread: str | None = None  # the element whose content nobody sees
        self._open: tuple[str, bool] | None = None  # URL of the link, and its look
        self._label: list[str] = []

    def take(self, token: Token) -> None:
        if token.kind == "start":
            self._begin(token)
        elif token.kind == "end":
            self._end(token.name)
        elif token.kind in ("text", "raw") and self._unread is None:
            said = unescape(token.source)
            self.said.append(said)
            self._label.append(said)

    def _begin(self, token: Token) -> None:
        tag = token.name
        if tag in _UNREAD:
            self._unread = self._unread or tag
        elif tag == "body":
            self._unread = None  # whoever forgot to close the head
        if tag not in _INLINE:
            self.said.append("\n")
        if tag in ("a", "area"):
            self._begin_link(_told(token))
            if tag == "area":
                self.end_link()
        elif tag == "img":
            self._label.append(_told(token).get("alt", ""))

    def _end(self, tag: str) -> None:
        if tag == self._unread:
            self._unread = None
        if tag not in _INLINE:
            self.said.append("\n")
        if tag == "a":
            self.end_link()

    def _begin_link(self, told: dict[str, str]) -> None:
        self.end_link()
        target = clean_line(told.get("href", ""))
        if _LINK.fullmatch(target):
            self._open = target, _looks_like_button(told)
        self._label = [told.get("alt", "")]

    def end_link(self) -> None:
        if self._open is not None:
            url, is_button = self._open
            text = clean_line("".join(self._label))
            self.links.append(Link(url=url, text=text, is_button=is_button))
        self._open = None


def _told(token: Token) -> dict[str, str]:
    """The attributes of a tag; of two with one name the first, as in browsers."""
    return {name: unescape(value or "") for name, value in reversed(attributes(token))}


def _looks_like_button(told: dict[str, str]) -> bool:
    return (
        told.get("role") == "button"
        or _BUTTON_CLASS.search(told.get("class", "")) is not None
        or _BUTTON_STYLE.search(told.get("style", "")) is not None
    )
