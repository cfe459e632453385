"""HTML of a mail to text that people read: links stay, layout goes, nothing is Markdown.

`markup` gives tags to `reading`, which makes blocks; `tables` makes blocks of a table, and
`layout` makes lines of them all. Every step takes time in proportion to its input, and
none calls itself, so no document is too long, too deep or too broken.
"""

from __future__ import annotations

from django_mailplus.templated.plain_text.layout import lay_out
from django_mailplus.templated.plain_text.reading import Reader

__all__ = ["html_to_text"]


def html_to_text(html: str, *, width: int = 72) -> str:
    """The text that a reader of `html` sees, in lines of `width` columns where words allow.

    A URL is never broken, so its line may be longer; so may lines of `pre` and single long
    words. No line ends in a space (RFC 3676 would join it with the next one), and no two
    blank lines follow each other but in `pre`. The text ends without a newline. Any input
    gives a text; what no client would show gives the empty one.
    """
    return lay_out(Reader(width).read(html), width)
