"""Assertions about the mails of a test; pytest shows the line of the test that failed."""

from __future__ import annotations

import re
from typing import Unpack

from django_mailplus.figures import count_of
from django_mailplus.testing.criteria import Criteria, describe, explain
from django_mailplus.testing.mailbox import Mailbox
from django_mailplus.testing.sent_mail import SentMail
from django_mailplus.testing.telling import listed
from django_mailplus.viewer import find_links
from django_mailplus.viewer.finding import html_text

__all__ = ["assert_mail_sent", "assert_no_mail_sent", "assert_parts_agree"]


def assert_mail_sent(
    *, count: int | None = None, **criteria: Unpack[Criteria]
) -> list[SentMail]:
    """Raise AssertionError unless such mails arrived, `count` of them if that is given.

    The mails, oldest first.
    """
    __tracebackhide__ = True
    if not isinstance(count, int | None):
        raise TypeError(f"count={count!r}: it has to be a number.")
    mailbox = Mailbox()
    if count is None:
        mailbox.latest(**criteria)
    found = mailbox.all(**criteria)
    if count is not None and len(found) != count:
        raise AssertionError(
            explain(
                f"{count_of(len(found), 'mail')}{describe(criteria)} arrived, not {count}.",
                [*mailbox],
                criteria,
                nearest=not found,
            )
        )
    return found


def assert_no_mail_sent(**criteria: Unpack[Criteria]) -> None:
    """Raise AssertionError if any such mail arrived; without criteria, any at all."""
    __tracebackhide__ = True
    Mailbox().none(**criteria)


def assert_parts_agree(mail: SentMail) -> None:
    """Raise AssertionError unless who reads the text can do all that the HTML offers.

    Both parts are there, each link of the HTML is in the text, and the codes in it are
    the same.
    """
    __tracebackhide__ = True
    problems = []
    if not mail.text:
        problems.append("there is no text")
    if not mail.html:
        problems.append("there is no HTML")
    if not problems:
        links = {*map(_place, find_links(mail.text))}
        problems += [
            f"only in the HTML: {url}"
            for url in mail.links()
            if _place(url) not in links
        ]
        problems += [
            f"the code {code} is not in the {part}"
            for part, words in (("text", mail.text), ("HTML", html_text(mail.html)))
            for code in mail.codes()
            if not _has_code(words, code)
        ]
    if problems:
        raise AssertionError(listed(f"The parts of {mail!r} differ", problems))


def _place(url: str) -> str:
    """The same for two URLs that lead to the same page (RFC 3986 section 6.2.2.1, 6.2.3)."""
    origin = re.match(r"[^/?#]+//[^/?#]*", url)
    if origin is None:
        return url
    rest = url[origin.end() :]
    return f"{origin[0].lower()}{'' if rest.startswith('/') else '/'}{rest}"


def _has_code(words: str, code: str) -> bool:
    """Whether it stands there by itself, each character in a box of its own perhaps."""
    apart = r"[\s-]*".join(map(re.escape, code))
    return re.search(rf"\b{apart}\b", words) is not None
