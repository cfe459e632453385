"""What is in a page: one reading, of which every finding is made.

It passes over a tag that it has met, and looks into every style; `viewer.finding` needs each
tag in its place, for what stands on a link, and no style. As one they would take as long as
both, for everybody who wants a link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import unquote

from django_mailplus.viewer.cleaning import clean_line
from django_mailplus.viewer.markup import Token, attributes, tokens
from django_mailplus.viewer.references import read_address, scheme_of
from django_mailplus.viewer.verdict.styles import Notes, read_declarations, read_sheet

__all__ = ["Page", "read_page"]

_LIMIT = 2_000_000  # characters that are read; no client shows a tenth of it
_UNSAID = frozenset({"script", "style"})
_PICTURES = frozenset({"background", "poster", "src"})
_BLANK = {"button": "submit", "input": "text"}
_KIND = re.compile(r"\.([a-z0-9]+)$")


@dataclass(slots=True, kw_only=True)
class Page(Notes):
    """What a page is made of, and what people are told of it."""

    links: list[str] = field(default_factory=list)
    """Where `a` and `area` lead, as a browser reads it."""

    without_alt: list[str] = field(default_factory=list)
    """The addresses of pictures that say nothing to who does not see them."""

    pictures: int = 0
    cids: set[str] = field(default_factory=set)
    """The parts of the mail that are shown in the page, as it names them."""

    scripts: int = 0
    said: list[str] = field(default_factory=list)
    """The words of the page."""


def read_page(html: str) -> Page:
    """Never raises; the first 2,000,000 characters are read."""
    page = Page()
    known: set[str] = set()  # tags that stand there a second time
    for token in tokens(html[:_LIMIT]):
        if token.kind == "start" and token.name not in ("a", "img", "area"):
            if token.source in known:
                continue
            known.add(token.source)
        _READERS[token.kind](page, token)
    for address in page.addresses:
        _read_picture(page, address.strip())
    return page


def _read_text(page: Page, token: Token) -> None:
    page.said.append(unescape(token.source))


def _read_raw(page: Page, token: Token) -> None:
    if token.name == "style":
        read_sheet(token.source, page)
    elif token.name not in _UNSAID:
        page.said.append(unescape(token.source))


def _read_comment(page: Page, token: Token) -> None:
    page.seen.add("<!-->")


def _read_declaration(page: Page, token: Token) -> None:
    if token.source.lower().split() == ["<!doctype", "html>"]:
        page.seen.add("<!doctype>")


def _read_end(page: Page, token: Token) -> None:
    page.said.append(" ")


def _read_start(page: Page, token: Token) -> None:
    name = token.name
    page.said.append(" ")
    page.seen.add(f"<{name}>")
    page.scripts += name == "script"
    told: dict[str, str] = {}
    for key, value in attributes(token):
        told.setdefault(key, value or "")
        page.seen.add(f"[{key}]")
    if name in _ELEMENTS:
        _ELEMENTS[name](page, name, told)
    for key in _PICTURES & told.keys():
        _read_picture(page, read_address(told[key]))
    if "srcset" in told:
        for candidate in unescape(told["srcset"]).split():
            _read_picture(page, candidate.rstrip(","))
    if "style" in told:
        read_declarations(unescape(told["style"]), page)


def _read_control(page: Page, name: str, told: dict[str, str]) -> None:
    page.seen.add(f"<{name} {told.get('type', '').lower() or _BLANK[name]}>")


def _read_meta(page: Page, name: str, told: dict[str, str]) -> None:
    page.seen.add(f"<meta {told.get('name', '').lower()}>")


def _read_image(page: Page, name: str, told: dict[str, str]) -> None:
    page.pictures += 1
    if "alt" not in told:
        page.without_alt.append(clean_line(unescape(told.get("src", ""))))


def _read_link(page: Page, name: str, told: dict[str, str]) -> None:
    if "href" not in told:  # the name of a place, as it was written once
        return
    address = clean_line(read_address(told["href"]))
    page.links.append(address)
    if scheme_of(address) == "mailto":
        page.seen.add("href:mailto")
    elif address.startswith("#"):
        page.seen.add("href:#")


def _read_picture(page: Page, address: str) -> None:
    scheme = scheme_of(address)
    if scheme == "cid":
        page.cids.add(unquote(address[4:]))
    elif scheme == "data":
        page.seen.add("image:base64")
        kind = address[5:].partition(";")[0].partition(",")[0]
        page.seen.add(f"image:{kind.removeprefix('image/').lower()}")
    elif found := _KIND.search(re.split(r"[?#]", address, maxsplit=1)[0].lower()):
        page.seen.add(f"image:{found[1]}")


_ELEMENTS = {
    "a": _read_link,
    "area": _read_link,
    "button": _read_control,
    "img": _read_image,
    "input": _read_control,
    "meta": _read_meta,
}
_READERS = {
    "text": _read_text,
    "raw": _read_raw,
    "comment": _read_comment,
    "declaration": _read_declaration,
    "end": _read_end,
    "start": _read_start,
}
