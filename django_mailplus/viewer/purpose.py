"""What a mail was sent for: the code in it, or the one link that everybody opens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django_mailplus.viewer.finding import (
    Link,
    html_links,
    html_text,
    text_links,
)
from django_mailplus.viewer.parsing import MessageView

__all__ = ["codes_in", "links_in", "main_link"]

# Between these nothing of a word, a number, a price, a date or an address goes on.
_BEFORE = r"(?<![\w.,:/#+@=&?%€$£-])(?<!\d )"
_AFTER = r"(?![\w/@%€$£=]|[.,:-]\w| ?[€$£])"
_CODE = re.compile(
    _BEFORE
    + r"(\d{3}[ \u00a0-]\d{3}|\d{4,8}"
    + r"|(?=[A-Z-]*\d)[A-Z0-9]{4}-[A-Z0-9]{4}|(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z0-9]{5,8})"
    + _AFTER
)
# In the languages that this package speaks; "código" is "codigo" in many a mail.
_WORD = re.compile(
    r"\b(?:code|codes|passcode|pin|otp|tan|kode|kodu?|c[óo]digo|codice)\b|-code\b",
    re.IGNORECASE,
)
_WORD_BEFORE = re.compile(rf"(?:{_WORD.pattern})[\s:]*(?:is\s)?$", re.IGNORECASE)
_OTHER_NUMBER = re.compile(
    r"\b(?:order|invoice|receipt|ticket|reference|ref|no|nr|id|tel|phone|fax|zip|postal|"
    r"bestellung|rechnung|commande|facture|pedido|factura|ordine|fattura|zamówienie)\b"
    r"[\s.:#]*(?:no|nr|number|id|code)?[\s.:#]*$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_RUN = re.compile(r"\S+")
_NEAR = 60  # characters between the word and the code
_SEARCH_LIMIT = 200_000  # characters; a code stands in short mails

_WANTED = re.compile(
    r"verif|confirm|activat|reset|invit|accept|magic|log-?in|sign-?in|unlock|approve",
    re.IGNORECASE,
)
_UNWANTED = re.compile(
    r"unsubscri|opt-?out|preference|report|cancel|not[ -]me|privacy|terms|imprint|help|"
    r"support|view[ -]in[ -]browser",
    re.IGNORECASE,
)
_NO_PATH = re.compile(r"https?://[^/?#]+/?")


def links_in(view: MessageView) -> tuple[Link, ...]:
    """The links of the HTML part, or of the text if there is none; each URL once."""
    if view.html is not None:
        links = html_links(view.html)
    else:
        links = text_links(view.text or "")
    return tuple({link.url: link for link in reversed(links)}.values())[::-1]


def codes_in(view: MessageView) -> tuple[str, ...]:
    """One-time codes, each once, as they are typed: without the space or hyphen inside.

    A code is a short number, or capitals with digits, that stands alone on its line or
    near a word for one. Prices, dates, years, phone and order numbers are none.
    """
    found = [*_codes_of(view.subject), *_codes_of(view.text or "", alone=True)]
    if not found:
        found = [*_codes_of(html_text(view.html or ""), alone=True)]
    return tuple(dict.fromkeys(found))


def main_link(view: MessageView) -> Link | None:
    """The link that the mail is for: a button, one that confirms; never to unsubscribe.

    None if it has no such link, such as a mail with a logo that leads to the site.
    """
    best = max(
        ((_weight(link), -place, link) for place, link in enumerate(links_in(view))),
        default=None,
    )
    return best[2] if best is not None and best[0] >= 0 else None


def _weight(link: Link) -> int:
    says = f"{link.url} {link.text}"
    return (
        3 * link.is_button
        + 2 * bool(_WANTED.search(says))
        - 6 * bool(_UNWANTED.search(says))
        - 2 * (not link.text)
        - 2 * bool(_NO_PATH.fullmatch(link.url))
    )


def _codes_of(text: str, *, alone: bool = False) -> Iterator[str]:
    before = ""
    for line in _RUN.sub(_without_address, text[:_SEARCH_LIMIT]).splitlines():
        said = line.strip()
        for found in _CODE.finditer(said):
            if (alone and found[0] == said) or _is_called_code(before, said, found):
                yield re.sub(r"[ \u00a0-]", "", found[1])
        before = said or before


def _without_address(run: re.Match[str]) -> str:
    """Nothing of a URL or an email address is a code. Each character is looked at once."""
    return " " if "://" in run[0] or "@" in run[0] else run[0]


def _is_called_code(before: str, line: str, found: re.Match[str]) -> bool:
    start, end = found.span()
    left = line[max(0, start - _NEAR) : start]
    if _OTHER_NUMBER.search(left):
        return False
    if _YEAR.fullmatch(found[0]):
        return _WORD_BEFORE.search(left) is not None
    right = line[end : end + _NEAR]
    # The line before says what follows: "Type this code:".
    above = before[-_NEAR:] if before.endswith(":") else ""
    return any(_WORD.search(words) for words in (left, right, above))
