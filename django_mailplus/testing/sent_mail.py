"""One mail that was sent, as its reader has it: parts, links, codes, and what they lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMessage
from django.utils.datastructures import CaseInsensitiveMapping

from django_mailplus.message.envelope import bare_address, bare_addresses, everybody
from django_mailplus.message.wire import to_bytes
from django_mailplus.testing.clicking import follow, post_one_click
from django_mailplus.testing.telling import listed
from django_mailplus.viewer import Link, codes_in, links_in, main_link, view
from django_mailplus.viewer.finding import html_links, html_text
from django_mailplus.viewer.images import InlineImages
from django_mailplus.viewer.mime import content, parse

if TYPE_CHECKING:
    from django.test import Client

    from django_mailplus.viewer import MessageView

__all__ = ["SentAttachment", "SentMail"]

_CID = re.compile(r"(?<=[\"'(])cid:([^\"')\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAttachment:
    filename: str
    content_type: str
    content: bytes = field(repr=False)


class SentMail:
    """What was sent, read from its bytes: with every header and part as it left.

    Of a mail in Django's test outbox `message` is the `EmailMessage` there; of one that a
    server took it is None. `sender` and `recipients` are the envelope.
    """

    def __init__(
        self,
        raw: bytes,
        *,
        sender: str,
        recipients: tuple[str, ...],
        message: EmailMessage | None = None,
    ) -> None:
        self.raw = raw
        self.sender = sender
        self.recipients = recipients
        self.message = message

    @classmethod
    def of(cls, message: EmailMessage) -> SentMail:
        return cls(
            to_bytes(message),
            sender=bare_address(message.from_email),
            recipients=everybody(message),
            message=message,
        )

    def __repr__(self) -> str:
        return f"<SentMail {self.subject!r} to {', '.join(self.recipients)}>"

    @cached_property
    def _view(self) -> MessageView:
        return view(self.raw)

    @property
    def subject(self) -> str:
        return self._view.subject

    @property
    def text(self) -> str:
        """The plain part, without the line ends at its end; empty if there is none."""
        return (self._view.text or "").rstrip("\n")

    @property
    def html(self) -> str:
        """The HTML part in the same way."""
        return (self._view.html or "").rstrip("\n")

    @property
    def headers(self) -> CaseInsensitiveMapping[str]:
        """By name, in any case; where one comes twice, its first."""
        return CaseInsensitiveMapping(dict(reversed(self._view.headers)))

    @property
    def from_(self) -> str:
        """The address in From, without its name."""
        return next(iter(self._addresses("From")), "")

    @property
    def to(self) -> list[str]:
        """The addresses in To, without their names."""
        return self._addresses("To")

    @property
    def cc(self) -> list[str]:
        return self._addresses("Cc")

    @property
    def bcc(self) -> list[str]:
        """Who gets it and is not named in it."""
        if self.message is not None:
            return [
                found for entry in self.message.bcc for found in bare_addresses(entry)
            ]
        named = {*self.to, *self.cc}
        return [address for address in self.recipients if address not in named]

    @cached_property
    def _as_written(self) -> list[tuple[str, Any]]:
        """Names and values of its headers, with nothing decoded."""
        return [*BytesHeaderParser().parsebytes(self.raw).raw_items()]

    def _addresses(self, header: str) -> list[str]:
        # The decoded name of a person may have a comma in it.
        values = [
            str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            for name, value in self._as_written
            if name.lower() == header.lower()
        ]
        return [address for _, address in getaddresses(values) if address]

    @cached_property
    def attachments(self) -> list[SentAttachment]:
        """Inline images too."""
        return [
            SentAttachment(
                filename=part.filename,
                content_type=part.kind,
                content=content(part),
            )
            for part in parse(self.raw).leaves
            if not part.is_body
        ]

    @property
    def using(self) -> str | None:
        """The mailer that sent it, where that is known."""
        return getattr(self.message, "sent_using", None)

    @property
    def template(self) -> str | None:
        """The name it was rendered from, where it is templated mail."""
        return self._origin.get("template")

    @property
    def language(self) -> str | None:
        """The language it was rendered in, where it is templated mail."""
        return self._origin.get("language")

    @property
    def _origin(self) -> dict[str, Any]:
        return getattr(self.message, "mailplus_origin", None) or {}

    def links(self) -> list[str]:
        """Where it leads: the links of the HTML, or of the text if there is none."""
        return [link.url for link in links_in(self._view)]

    def link(
        self,
        *,
        text: str | re.Pattern[str] | None = None,
        pattern: str | re.Pattern[str] | None = None,
    ) -> str:
        """The one link on which `text` stands, and in whose address `pattern` is found.

        A text is looked for in any case, a pattern is a regular expression. Without both,
        the link that the mail is for, such as its button. Raises AssertionError, with all
        links, where there is none or several.
        """
        __tracebackhide__ = True
        view = self._view
        # A logo before the button may lead to where the button leads.
        links = html_links(view.html) if view.html is not None else links_in(view)
        if text is None and pattern is None:
            main = links[0] if len(self.links()) == 1 else main_link(view)
            chosen = {main.url} if main else set()
        else:
            chosen = {
                link.url
                for link in links
                if _says(link.text, text) and re.search(pattern or "", link.url)
            }
        if len(chosen) == 1:
            return chosen.pop()
        problem = self._no_single("link", chosen, links, text, pattern)
        if relative := re.findall(
            r"""<a\s[^>]*href=["']?(/(?!/)[^"'\s>]*)""", self.html
        ):
            problem += f"\nWithout a host a link of a mail leads nowhere: {', '.join(relative)}"
        raise AssertionError(problem)

    def _no_single(
        self, what: str, chosen: Any, there: Any, text: Any = None, pattern: Any = None
    ) -> str:
        """Why there is no one link or code to give."""
        wanted = [
            f"{name}={getattr(value, 'pattern', value)!r}"
            for name, value in (("text", text), ("pattern", pattern))
            if value is not None
        ]
        asked = f"{what}({', '.join(wanted)})"
        count = f"{len(chosen)} fit" if chosen else "none fits"
        lines = [
            f"{each.text}: {each.url}" if isinstance(each, Link) else str(each)
            for each in there
        ]
        return f"{asked}: {count} in {self!r}. " + listed(f"Its {what}s", lines)

    def codes(self, *, pattern: str | re.Pattern[str] | None = None) -> list[str]:
        """One-time codes in it, as they are typed, or all that a regular expression finds.

        Where the expression has a group, what its first group finds.
        """
        if pattern is None:
            return [*codes_in(self._view)]
        for part in (self.text, html_text(self.html)):
            found = [*re.finditer(pattern, f"{self.subject}\n{part}")]
            if found:
                break
        return [*dict.fromkeys(each[1 if each.re.groups else 0] for each in found)]

    def code(self, *, pattern: str | re.Pattern[str] | None = None) -> str:
        """The one code in it. Raises AssertionError where there is none or several."""
        __tracebackhide__ = True
        codes = self.codes(pattern=pattern)
        if len(codes) == 1:
            return codes[0]
        there = codes or self.codes()
        problem = self._no_single("code", codes, there, pattern=pattern)
        if not there:
            words = (self.text or html_text(self.html)).split("\n")
            problem += "\n" + listed(
                "It says", [line for line in words if line.strip()]
            )
        raise AssertionError(problem)

    def click(
        self,
        client: Client,
        *,
        text: str | re.Pattern[str] | None = None,
        pattern: str | re.Pattern[str] | None = None,
        follow_redirects: bool = True,
    ) -> Any:
        """Open the link that `link()` gives with Django's test client; its response.

        Raises AssertionError for a link to a host that is none of the project's.
        """
        __tracebackhide__ = True
        url = self.link(text=text, pattern=pattern)
        return follow(client, url, follow_redirects=follow_redirects)

    def unsubscribe(self, client: Client) -> Any:
        """What a mail program does on "Unsubscribe" (RFC 8058); the response.

        It posts without cookies, so a new client of the same class does. Raises
        AssertionError without the headers for it.
        """
        __tracebackhide__ = True
        return post_one_click(client, self.headers, repr(self))

    def open(self, page: Any) -> None:
        """Show it in a page of Playwright, with its images: the HTML, or the text."""
        page.set_content(self.document())

    def document(self) -> str:
        """The HTML with its inline images in it; the text as HTML where there is no other."""
        if not self.html:
            from django.utils.html import escape, urlize

            return f"<pre>{urlize(escape(self.text))}</pre>"
        images = InlineImages(parse(self.raw)[1])
        return _CID.sub(lambda cid: images.url(cid[1]) or cid[0], self.html)


def _says(said: str, wanted: str | re.Pattern[str] | None) -> bool:
    if isinstance(wanted, str):
        return wanted.casefold() in said.casefold()
    return wanted is None or wanted.search(said) is not None
