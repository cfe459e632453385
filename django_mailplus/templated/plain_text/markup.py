"""The standard library's HTML parser, safe for any input.

On its own it searches unclosed tags and comments again and again (CPython gh-135462), and
raises for some declarations and numbers; which of these depends on the release. Pages of
strangers that a browser is to show are cut by `viewer.markup`, as browsers do it.
"""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from django_mailplus.templated.plain_text.tags import RAW

__all__ = ["Attributes", "Markup"]

Attributes = list[tuple[str, str | None]]

# All of this is gone before the parser sees it. Each alternative can also end with the
# document, so that none is tried in vain from every beginning: the time stays linear.
# Comments of Outlook (`<!--[if mso]>…<![endif]-->`) go whole; those round what others show
# (`<!--[if !mso]><!-->`) are two comments or two declarations with the content between.
_UNSEEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<[!?][^>]*(?:>|\Z)"
    r"|<(script|style|title|textarea|iframe|noembed|noframes|xmp)(?=[\s/>])[^>]*"
    r"(?:>[^<]*(?:<(?!/\1[\s/>])[^<]*)*(?:</\1[^>]*(?:>|\Z)|\Z)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
# Characters that would do something to a terminal, or that cannot be encoded.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
# The largest code point has 7 digits; `int()` refuses numbers of some thousand.
_HUGE_NUMBER = re.compile(r"&#(?:[0-9]{9,}|[xX][0-9a-fA-F]{9,});?")
_TAG = re.compile(r"<[^<>]*>?")
_PLAIN_START = re.compile(
    r"<([a-zA-Z][a-zA-Z0-9]*+)((?:\s++[a-z][a-z:-]*+(?:=\"[^\"<>]*+\")?+)*+)\s*+(/?)>"
)
_PLAIN_END = re.compile(r"</([a-zA-Z][a-zA-Z0-9]*+)>")
_ATTRIBUTE = re.compile(r"([a-z:-]++)(?:=\"([^\"]*+)\")?+")

# A quote that never ends makes a tag unreadable. After so many of them, only words count.
_MOST_UNREADABLE = 50


class Markup(HTMLParser):
    """Calls the three handlers of `HTMLParser` for tags and text, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def parse(self, html: str) -> None:
        # The length of the source is no use to anybody, but a byte of it may be.
        html = _CONTROLS.sub("", html)
        if "&#" in html:
            html = _HUGE_NUMBER.sub("\ufffd", html)
        self.feed(_UNSEEN.sub("", html))
        # `close()` would be quadratic in what is left.
        for _ in range(_MOST_UNREADABLE):
            if not self.rawdata.startswith("<"):
                break
            end = self.rawdata.find(">") + 1
            left = self.rawdata[end:] if end else ""
            self.rawdata = ""
            self.feed(left)
        if self.rawdata:
            self.handle_data(unescape(_TAG.sub("", self.rawdata)))

    # Well-formed tags, which are nearly all, are read at once; the rest is the parser's.
    # It is half of the whole time.

    def parse_starttag(self, i: int) -> int:
        match = _PLAIN_START.match(self.rawdata, i)
        if match is None or (tag := match[1].lower()) in RAW:
            return super().parse_starttag(i)
        attributes: Attributes = []
        if text := match[2]:
            attributes = _ATTRIBUTE.findall(text)
            if "&" in text:
                attributes = [
                    (name, unescape(value or "")) for name, value in attributes
                ]
        if match[3]:
            self.handle_startendtag(tag, attributes)
        else:
            self.handle_starttag(tag, attributes)
        return match.end()

    def parse_endtag(self, i: int) -> int:
        match = _PLAIN_END.match(self.rawdata, i)
        if match is None or self.cdata_elem is not None:
            return super().parse_endtag(i)
        self.handle_endtag(match[1].lower())
        return match.end()

    def updatepos(self, i: int, j: int) -> int:
        """Counts no lines: nobody asks for them, and it is a tenth of the time."""
        return j
