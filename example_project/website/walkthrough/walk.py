"""What one walk through the running site carries along, and how a step says what is wrong."""

from __future__ import annotations

import email.policy
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage

from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer
from website.walkthrough.browser import Browser, Page

_PATIENCE = 30.0  # seconds; a mailer that found no server rests for some

Step = Callable[["Walk"], str]


class WalkthroughError(Exception):
    """The site did not do what a step expects; the text says what it did instead."""


def expect(condition: object, otherwise: str) -> None:
    """Like assert, but also there under `python -O`."""
    if not condition:
        raise WalkthroughError(otherwise)


def expect_equal(what: str, actual: object, expected: object) -> None:
    expect(actual == expected, f"{what} is {actual!r}, expected {expected!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One mail as the server received it: the envelope and the message."""

    rcpt_to: list[str]
    message: EmailMessage
    peer: str


@dataclass(kw_only=True)
class Walk:
    """A visitor with a browser, and a view of everything that reaches the mail server."""

    browser: Browser
    mail_server: MailServer
    inbox: list[ReceivedMail]
    email: str = "visitor@example.com"
    password: str = "a kettle, a fern and 9 cups"  # noqa: S105 (of a user that lives for seconds)
    _seen: int = field(default=0)

    def new_mails(self, expected: int) -> list[Arrival]:
        """The mails received since the last call; their number must be as expected."""
        mails = self.inbox[self._seen :]
        self._seen = len(self.inbox)
        expect_equal("the number of mails the server received", len(mails), expected)
        return [
            Arrival(
                rcpt_to=list(mail.rcpt_to),
                message=message_from_bytes(
                    mail.raw, EmailMessage, policy=email.policy.default
                ),
                peer=mail.peer,
            )
            for mail in mails
        ]

    def wait_for_mails(self, expected: int) -> list[Arrival]:
        """Like new_mails(), for mails that somebody else sends in a moment."""
        deadline = time.monotonic() + _PATIENCE
        while len(self.inbox) < self._seen + expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.new_mails(expected)

    def wait_for_words(self, path: str, text: str) -> Page:
        """The page, once it says what it will say in a moment."""
        deadline = time.monotonic() + _PATIENCE
        while text not in (page := self.get(path)).words:
            expect(time.monotonic() < deadline, f"{path} does not say {text!r}")
            time.sleep(0.05)
        return page

    def get(self, path: str) -> Page:
        page = self.browser.get(path)
        expect_equal(f"the status of {path}", page.status, 200)
        return page

    def submit(
        self, path: str, fields: dict[str, str] | None = None, *, to: str | None = None
    ) -> Page:
        page = self.browser.submit(path, fields or {}, to=to)
        expect_equal(f"the status of {path} after its form was sent", page.status, 200)
        return page


def expect_words(page: Page, *texts: str) -> None:
    """The page must show each of the texts to a reader."""
    for text in texts:
        expect(text in page.words, f"the page {page.url} does not say {text!r}")


def run(steps: Iterable[Step], walk: Walk, report: Callable[[str], None]) -> bool:
    """Take the steps in order, one line each; False as soon as one of them fails."""
    for step in steps:
        name = step.__name__.replace("_", " ")
        try:
            sentence = step(walk)
        except WalkthroughError as error:
            report(f"FAILED  {name}: {error}")
            return False
        except Exception as error:  # whatever it is, the line must name the step
            report(f"FAILED  {name}: {type(error).__name__}: {error}")
            return False
        report(f"ok  {name}: {sentence}")
    return True
