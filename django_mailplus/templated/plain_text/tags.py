"""Which elements are what."""

from __future__ import annotations

__all__ = ["ENDED_BY", "LINES", "PARAGRAPHS", "RAW", "SCOPES", "UNREAD", "VOID"]

# fmt: off
LINES = frozenset((
    "address", "article", "aside", "body", "center", "details", "dialog", "dir", "div",
    "figcaption", "footer", "form", "header", "html", "legend", "main", "menu", "nav", "optgroup",
    "option", "search", "section", "summary",
))
"""They begin a line and end one."""

PARAGRAPHS = frozenset((
    "caption", "fieldset", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hgroup", "p",
))
"""They have a blank line above and below."""

UNREAD = frozenset((
    "applet", "datalist", "iframe", "noembed", "noframes", "object", "script", "select", "style",
    "svg", "template", "textarea", "title", "xml",
))
"""Not text, or text that no mail client shows where it shows the rest."""

VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
))
"""They have no end tag."""

RAW = frozenset((
    "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea",
    "title", "xmp",
))
"""What parsers read in a way of its own until the end tag."""

SCOPES = frozenset(("dl", "ol", "table", "ul"))
"""Items and cells in one of them end none outside."""

_ROWS = frozenset(("tr", "tbody", "tfoot", "thead"))
_ITEMS = frozenset(("li", "dt", "dd", "td", "th", "body", "html"))
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "center", "div", "dl", "fieldset", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p",
    "pre", "section", "table", "ul",
))
# fmt: on
ENDED_BY: dict[str, frozenset[str]] = {
    "p": _BLOCKS | _ITEMS | _ROWS,
    "li": frozenset(("li", "ol", "ul")),
    "dt": frozenset(("dt", "dd", "dl")),
    "dd": frozenset(("dt", "dd", "dl")),
    "td": frozenset(("td", "th", "table")) | _ROWS,
    "th": frozenset(("td", "th", "table")) | _ROWS,
    "tr": frozenset(("table",)) | _ROWS,
}
"""Elements whose end tag may be left out, and the tags that end them then (HTML, 13.1.2.4)."""
