"""The checks: what each looks at, and in which words it tells it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django_mailplus.figures import count_of, size_of
from django_mailplus.viewer.cleaning import clean_line
from django_mailplus.viewer.finding import find_links
from django_mailplus.viewer.parsing import MessageView
from django_mailplus.viewer.references import plain_id, scheme_of
from django_mailplus.viewer.tree import Part
from django_mailplus.viewer.verdict.findings import Finding, Level
from django_mailplus.viewer.verdict.reading import Page
from django_mailplus.viewer.verdict.support import Support

__all__ = ["CHECKS", "Mail"]

_CLIPPED = 102 * 1024  # bytes of HTML; what Gmail shows before "View entire message"
_LARGE = 10_000_000  # bytes; many servers refuse mails from here on
_WELL_SUPPORTED = 80  # per cent; tables and styles of twenty years ago have about 90
_DETAILS = 20  # of one finding
_LONGEST_DETAIL = 200  # characters

_BULK = re.compile(r"bulk|list", re.IGNORECASE)
_BULK_HEADERS = ("list-id", "list-post", "feedback-id")
_UNSUBSCRIBE = re.compile(r"<\s*(https?://[^\s<>]+|mailto:[^\s<>]+)\s*>", re.IGNORECASE)

_NAME = r"[\w.\-|:'\" ]{1,60}"
_PLACEHOLDERS = (
    re.compile(r"\{\{.{0,60}?\}\}|\{\{|\{%.{0,60}?%\}|%7B%7B", re.IGNORECASE),
    re.compile(rf"%\({_NAME}\)[sdif]|\$\{{{_NAME}\}}|<%=?.{{0,60}}?%>"),
    re.compile(r"\[object Object\]|<(?:QuerySet \[|[\w.]+ object at 0x)"),
    # Words of every day elsewhere.
    re.compile(r"\b(?:Dear|Hello|Hi|Hallo|Bonjour|Hola) (?:None|null|undefined)\b"),
    re.compile(r"[/=](?:None|null|undefined)(?=[/?&#\s]|$)"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What the checks look at."""

    size: int
    view: MessageView
    page: Page | None
    support: Support | None
    parts: tuple[Part, ...]
    """All of them, each after the one that it is in."""

    related: frozenset[str]
    """The Content-IDs of those that stand beside a page."""


Check = Callable[[Mail], Iterator[Finding]]


def _finding(
    name: str, level: Level, label: str, text: str, details: Iterable[str] = ()
) -> Finding:
    once = tuple(dict.fromkeys(clean_line(d)[:_LONGEST_DETAIL] for d in details))
    return Finding(
        name=name, level=level, label=label, text=text, details=once[:_DETAILS]
    )


def check_subject(mail: Mail) -> Iterator[Finding]:
    if not mail.view.subject:
        yield _finding("subject", "bad", "no subject", "The mail has no subject.")


def check_size(mail: Mail) -> Iterator[Finding]:
    html = len((mail.view.html or "").encode("utf-8", "replace"))
    html += mail.view.html_left_out
    size = size_of(mail.size)
    if html > _CLIPPED:
        yield _finding(
            "size",
            "bad",
            size,
            f"The HTML has {size_of(html)}. Gmail cuts it off after {size_of(_CLIPPED)} (102 KiB), and hides the rest behind a link.",
        )
    elif mail.size > _LARGE:
        text = f"The mail has {size}. Many servers refuse mails of this size: link to its attachments."
        yield _finding("size", "hint", size, text)
    else:
        yield _finding(
            "size", "good", size, f"The mail has {size}; Gmail shows the whole of it."
        )


def check_links(mail: Mail) -> Iterator[Finding]:
    links = list(mail.view.links) if mail.page is None else mail.page.links
    led = [link for link in links if not link.startswith("#")]
    label = count_of(len(led), "link")
    faults = list(_faults_of_links(led))
    yield from faults or [
        _finding("links", "good", label, f"The mail has {label}.", led)
    ]


def _faults_of_links(links: list[str]) -> Iterator[Finding]:
    for kind, level, is_one, text in _FAULTS:
        found = [link for link in links if is_one(link, scheme_of(link))]
        if found:
            label = count_of(len(found), f"{kind} link")
            yield _finding("links", level, label, text, filter(None, found))


# What it is called, how bad it is, which link is one (by address and scheme), what to say.
_FAULTS: tuple[tuple[str, Level, Callable[[str, str], bool], str], ...] = (
    (
        "empty",
        "bad",
        lambda link, _: not link,
        "A link without an address: nothing happens when it is clicked.",
    ),
    (
        "relative",
        "bad",
        lambda link, scheme: bool(link) and not scheme,
        "A mail has no place that a relative link could start from. Write the whole address.",
    ),
    (
        "script",
        "bad",
        lambda _, scheme: scheme in ("javascript", "data", "vbscript"),
        "No client follows links that are scripts or data.",
    ),
    (
        "plain http",
        "hint",
        lambda _, scheme: scheme == "http",
        "Links with http: can be read and changed on their way. Use https:.",
    ),
)


def check_alternative_texts(mail: Mail) -> Iterator[Finding]:
    if mail.page is None or not mail.page.without_alt:
        return
    number = len(mail.page.without_alt)
    yield _finding(
        "alt",
        "hint",
        f"{number} without alt",
        f"{count_of(number, 'image')} without an alt text. Many clients load no images at first: "
        'say in alt what one shows, or alt="" where it is but decoration.',
        mail.page.without_alt,
    )


def check_text(mail: Mail) -> Iterator[Finding]:
    text = mail.view.text
    if text is None or not text.strip():
        told = "There is no text part. Filters count that against a mail, and some people read text alone."
        yield _finding("text", "hint", "no text", told)
        return
    page = mail.page
    said = {_comparable(link) for link in find_links(text)}
    missing = [
        link
        for link in (page.links if page else [])
        if scheme_of(link) in ("http", "https") and _comparable(link) not in said
    ]
    if missing:
        told = "Links of the HTML are not in the text: who reads the text cannot follow them."
        yield _finding("text", "hint", "text differs", told, missing)
    else:
        yield _finding(
            "text", "good", "text ok", "The text part has the links of the HTML."
        )


def _comparable(link: str) -> str:
    return link.rstrip("/").casefold()


def check_unsubscribe(mail: Mail) -> Iterator[Finding]:
    header = mail.view.header
    told = header("list-unsubscribe")
    is_bulk = _BULK.search(header("precedence")) or any(map(header, _BULK_HEADERS))
    if not told:
        if is_bulk:
            text = "The headers say that this mail went to many, but not how to leave: List-Unsubscribe is missing."
            yield _finding("unsubscribe", "bad", "no unsubscribe", text)
        return
    ways = _UNSUBSCRIBE.findall(told)
    by_web = [way for way in ways if way.lower().startswith("https:")]
    one_click = header("list-unsubscribe-post").replace(" ", "").lower()
    if not ways:
        text = "List-Unsubscribe needs addresses in angle brackets, such as <https://example.com/leave/1>."
        yield _finding("unsubscribe", "bad", "unsubscribe broken", text, [told])
    elif by_web and one_click != "list-unsubscribe=one-click":
        text = "With List-Unsubscribe-Post: List-Unsubscribe=One-Click (RFC 8058), clients would show a button to leave. Gmail and Yahoo! ask it of who sends much."
        yield _finding("unsubscribe", "hint", "no one-click", text, ways)
    elif one_click and not by_web:
        text = "List-Unsubscribe-Post (RFC 8058) needs an https: address in List-Unsubscribe."
        yield _finding("unsubscribe", "bad", "unsubscribe broken", text, [told])
    else:
        yield _finding(
            "unsubscribe",
            "good",
            "unsubscribe ok",
            "The headers say how to leave.",
            ways,
        )


def check_placeholders(mail: Mail) -> Iterator[Finding]:
    page = mail.page
    texts = [mail.view.subject, mail.view.text or ""]
    texts += ["".join(page.said), *page.links] if page else []
    left = [
        found[0]
        for text in texts
        for pattern in _PLACEHOLDERS
        for found in pattern.finditer(text)
    ]
    if left:
        text = "This looks like a placeholder that was not filled in, or filled with nothing."
        yield _finding("placeholders", "bad", "placeholder", text, left)


def check_scripts(mail: Mail) -> Iterator[Finding]:
    if mail.page is not None and mail.page.scripts:
        text = "The HTML has a script. No client runs it, and filters count it against a mail."
        yield _finding("scripts", "bad", "script", text)


def check_styles(mail: Mail) -> Iterator[Finding]:
    if mail.page is not None and mail.page.empty_styles:
        text = "These properties are given no value, as where a variable is unknown."
        yield _finding("styles", "hint", "empty style", text, mail.page.empty_styles)


def check_inline_images(mail: Mail) -> Iterator[Finding]:
    """RFC 2387 and RFC 2392: what a page shows stands beside it in a multipart/related."""
    asked = {plain_id(cid): cid for cid in (mail.page.cids if mail.page else ())}
    there = {plain_id(part.content_id): part for part in mail.parts if part.content_id}
    missing = [cid for name, cid in asked.items() if name not in there]
    if missing:
        text = "The HTML shows parts that the mail does not have."
        yield _finding("images", "bad", "image missing", text, missing)
    apart = [
        cid for name, cid in asked.items() if name in there and name not in mail.related
    ]
    if apart:
        text = "These images do not stand in a multipart/related with the HTML: some clients show them as attachments, or not at all."
        yield _finding("images", "hint", "images apart", text, apart)
    unused = [
        part.filename or part.content_id
        for name, part in there.items()
        if part.disposition == "inline" and name not in asked and part.index is not None
    ]
    if unused:
        text = "These parts are to stand in the HTML, which does not show them: clients differ in where they do."
        yield _finding("images", "hint", "image unused", text, unused)


def check_support(mail: Mail) -> Iterator[Finding]:
    found = mail.support
    if found is None:
        return
    level: Level = "good" if found.score >= _WELL_SUPPORTED else "hint"
    text = f"Of what the HTML uses, clients show {found.score} %, by the tests of caniemail.com as of {found.date}."
    titles = [
        f"{use.title}: not in {count_of(len(use.unsupported), 'client')}"
        for use in found.features
        if use.unsupported
    ]
    yield _finding("support", level, f"HTML {found.score} %", text, titles)


CHECKS: tuple[Check, ...] = (
    check_support,
    check_subject,
    check_text,
    check_links,
    check_unsubscribe,
    check_size,
    check_placeholders,
    check_alternative_texts,
    check_inline_images,
    check_scripts,
    check_styles,
)
