"""The links of a mail, and the one that everybody opens."""

from __future__ import annotations

import re

from django_mailplus.viewer.finding import Link, html_links, text_links
from django_mailplus.viewer.parsing import MessageView

__all__ = ["links_in", "main_link"]

_WANTED = re.compile(
    r"verif|confirm|activat|reset|invit|accept|magic|\b(?:log|sign)[ -]?in|unlock|approve",
    re.IGNORECASE,
)
_UNWANTED = re.compile(
    r"unsubscri|opt-?out|preference|report|cancel|not[ -]me|privacy|terms|imprint|help|"
    r"support|view[ -]in[ -]browser",
    re.IGNORECASE,
)
_ROOT = re.compile(r"https?://[^/?#]+/?(?:\?utm_[^#]*)?")  # of a site
_NEVER = -3  # a link that weighs so little is not what a mail is for


def links_in(view: MessageView) -> tuple[Link, ...]:
    """The links of the HTML part, or of the text if there is none; each URL once."""
    if view.html is not None:
        links = html_links(view.html)
    else:
        links = text_links(view.text or "")
    return tuple({link.url: link for link in reversed(links)}.values())[::-1]


def main_link(view: MessageView) -> Link | None:
    """The link that the mail is for: a button, one that confirms; never to unsubscribe.

    None if it has no such link, such as a mail with a logo that leads to the site.
    """
    best = max(
        ((_weight(link), -place, link) for place, link in enumerate(links_in(view))),
        default=None,
    )
    return best[2] if best is not None and best[0] > _NEVER else None


def _weight(link: Link) -> int:
    says = f"{link.url} {link.text}"
    return (
        4 * link.is_button
        + 3 * bool(_WANTED.search(says))
        - 10 * bool(_UNWANTED.search(says))
        - 3 * (not link.text)
        - 5 * bool(_ROOT.fullmatch(link.url))
    )
