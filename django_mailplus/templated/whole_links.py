"""Links of a page that begin with one "/" become whole URLs, for a mail has no address."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["with_whole_links"]

# Both never go back, so they take time in proportion to what they read. A ">" within a value
# ends no tag, and what looks like a link within a value is none.
_TAG_WITH_VALUES = re.compile(
    r"""<[a-z][^\s=<>]*+\s(?:[^=>]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+""", re.IGNORECASE
)
_LINK_OR_VALUE = re.compile(
    r"""((?<=[\s"'])(?:href|src|background|action)\s*+=\s*+(["']?+))(/(?!/)[^\s"'>]*+)"""
    r"""|=\s*+(?:"[^"]*+"|'[^']*+')""",
    re.IGNORECASE,
)


def with_whole_links(html: str, absolute: Callable[[str], str]) -> str:
    """All of them, of each tag; `absolute` gives the URL of a path of this site."""

    def whole(found: re.Match[str]) -> str:
        return found[0] if found[3] is None else found[1] + absolute(found[3])

    return _TAG_WITH_VALUES.sub(lambda tag: _LINK_OR_VALUE.sub(whole, tag[0]), html)
