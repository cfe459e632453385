"""HTML cut into tokens as browsers cut it, in one pass, in time linear in its length.

`html.parser` of Python's library reads some broken pages in another way than a browser
does, and some take it quadratic time. What is to be made harmless must be read exactly
as the browser will: this follows https://html.spec.whatwg.org/multipage/parsing.html.
The parser of `templated.plain_text` makes text of HTML, which nobody runs: there it counts to
be the library's, and that the words of well-formed tags come fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["RAW_ELEMENTS", "Token", "attributes", "tokens"]

Kind: TypeAlias = Literal["text", "start", "end", "raw", "comment", "declaration"]

RAW_ELEMENTS = frozenset(
    {"iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea"}
    | {"title", "xmp"}
)
"""Nothing in them is a tag. `noscript` is not among them: frames here have no scripts."""

# White space of HTML; \s of Python has more. Everything is possessive, so that a place
# that does not match is not tried in another way: a quote that is never closed takes all.
_MARKUP = re.compile(r"<(?=[a-zA-Z/!?])")
_TAG = re.compile(
    r"""<(/?+)([a-zA-Z][^\t\n\f\r />]*+)
    ((?:[\t\n\f\r /]++
      |[^\t\n\f\r />][^\t\n\f\r />=]*+
       (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+|(?=>)|\Z))?+
    )*+)>""",
    re.VERBOSE,
)
_ATTRIBUTE = re.compile(
    r"""([^\t\n\f\r />][^\t\n\f\r />=]*+)
    (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r >"'][^\t\n\f\r >]*+)|(?![^>])))?+""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_DECLARATION = re.compile(r"<(?:[!?]|/(?![a-zA-Z]))[^>]*+>?")
# ASCII: U+017F would else pass for an "s", and end a style that goes on for the browser.
_RAW_ENDS = {
    name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII)
    for name in RAW_ELEMENTS - {"plaintext"}
}


class Token(NamedTuple):
    """A piece of a page. All pieces in their order are the page, but an unfinished end."""

    kind: Kind
    source: str
    name: str = ""
    """Of a tag, or of the element whose content `raw` is; in lower case."""

    inside: str = ""
    """The attributes of a tag as they stand."""


def tokens(html: str) -> Iterator[Token]:
    """The pieces of a page. A tag that is never finished ends it, as it does in browsers."""
    place = 0
    while found := _MARKUP.search(html, place):
        start = found.start()
        if start > place:
            yield Token("text", html[place:start])
        token = _read(html, start)
        if token is None:
            return
        yield token
        place = start + len(token.source)
        if token.kind == "start" and token.name in RAW_ELEMENTS:
            end = _raw_end(html, place, token.name)
            yield Token("raw", html[place:end], token.name)
            place = end
    if place < len(html):
        yield Token("text", html[place:])


def attributes(token: Token) -> list[tuple[str, str | None]]:
    """Names in lower case and values as they stand, character references and all."""
    return [
        (name.lower(), value)
        for name, value in (
            (found[1], next((v for v in found.group(2, 3, 4) if v is not None), None))
            for found in _ATTRIBUTE.finditer(token.inside)
        )
    ]


def _read(html: str, start: int) -> Token | None:
    if found := _TAG.match(html, start):
        kind: Kind = "end" if found[1] else "start"
        return Token(kind, found[0], found[2].lower(), found[3])
    if found := _COMMENT.match(html, start):
        return Token("comment", found[0])
    if found := _DECLARATION.match(html, start):
        return Token("declaration", found[0])
    return None


def _raw_end(html: str, place: int, name: str) -> int:
    found = _RAW_ENDS[name].search(html, place) if name in _RAW_ENDS else None
    return found.start() if found else len(html)
