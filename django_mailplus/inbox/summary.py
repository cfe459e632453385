"""What the list shows of a mail, worked out once, when it is caught."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import getaddresses, parseaddr
from hashlib import sha256
from typing import Any

from django.core.mail import EmailMessage

from django_mailplus.columns import storable
from django_mailplus.inbox.models import Kind
from django_mailplus.message.envelope import bare_addresses, everybody
from django_mailplus.viewer import (
    Link,
    MessageView,
    clean_line,
    codes_in,
    main_link,
    view,
)
from django_mailplus.viewer.finding import html_text

__all__ = ["Recipients", "recipients_of", "recipients_over_smtp", "summary"]

Recipients = tuple[tuple[Kind, str], ...]

_SEARCHED = 20_000  # characters of a body; beyond them nobody looks for words
_READ = 50_000  # characters of HTML in which the first words are
# With such characters newsletters fill the line that mail programs show.
_FILLERS = "[\u00a0\u00ad\u034f\u061c\u115f\u2007\u200b-\u200f\u2060-\u2064\ufeff]"
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_FILLER = re.compile(f"{_FILLERS}+")
_FILLED = re.compile(
    f"(?:{_FILLERS}\\s*){{20,}}"
)  # the line of a mail program ends in it


def summary(raw: bytes, recipients: Recipients) -> dict[str, Any]:
    """The columns of a mail that come from its content. Never raises, whatever the bytes are."""
    seen = view(raw, in_brief=True)
    name, address = parseaddr(seen.header("From"))
    code, link = next(iter(codes_in(seen)), ""), main_link(seen)
    words = _words(seen)
    to = [address for _, address in recipients]
    searched = " ".join([seen.subject, seen.header("From"), *to, words])
    return {
        "size": len(raw),
        "sender": storable(address or seen.header("From"), 320),
        "sender_name": storable(name, 200),
        "first_recipient": storable(clean_line(to[0]), 320) if to else "",
        "recipient_count": len(to),
        "subject": storable(seen.subject, 255),
        "first_words": storable(_first_words(seen, words), 200),
        "code": storable(code, 20),
        "link": storable(link.url, 2_000) if link else "",
        "link_text": storable(_said_on(link), 200) if link else "",
        "conversation": _conversation(seen),
        "attachment_count": len(seen.attachments) + seen.attachments_left_out,
        "searched": storable(searched.casefold(), _SEARCHED),
    }


def _conversation(seen: MessageView) -> str:
    """The same for a mail and all answers to it (RFC 5322 section 3.6.4).

    References begins with the mail that began it all; who writes just In-Reply-To names the
    one that is answered.
    """
    for name in ("References", "In-Reply-To", "Message-ID"):
        if began := _MESSAGE_ID.search(seen.header(name)):
            return sha256(began[0].encode()).hexdigest()
    return ""


def _words(seen: MessageView) -> str:
    return clean_line((seen.text or html_text((seen.html or "")[:_READ]))[:_SEARCHED])


def _said_on(link: Link) -> str:
    """Nothing where it would be the address itself."""
    text = clean_line(link.text)
    return "" if text.lower().startswith(("http:", "https:")) else text


def _first_words(seen: MessageView, words: str) -> str:
    """As mail programs have it: those of the HTML, if there is any."""
    begun = html_text(seen.html[:_READ]) if seen.html else words
    begun = begun[:4_000].lstrip()
    preheader = _FILLED.split(begun, 1)[0]
    return clean_line(_FILLER.sub(" ", clean_line(preheader or begun)))


def recipients_of(message: EmailMessage) -> Recipients:
    """Everybody who gets a message, and where each stands in it."""
    named = {
        kind: [a for entry in getattr(message, kind) for a in bare_addresses(entry)]
        for kind in (Kind.TO, Kind.CC, Kind.BCC)
    }
    return tuple(_placed(everybody(message), named))


def recipients_over_smtp(raw: bytes, rcpt_to: Iterable[str]) -> Recipients:
    """The same of a mail that came over SMTP: what stands in no header is of the envelope."""
    seen = view(raw, in_brief=True)
    named = {
        kind: [
            address
            for name, value in seen.headers
            if name.lower() == kind
            for _, address in getaddresses([value])
        ]
        for kind in (Kind.TO, Kind.CC)
    }
    return tuple(_placed(rcpt_to, named))


def _placed(
    addresses: Iterable[str], named: Mapping[Kind, Iterable[str]]
) -> Iterator[tuple[Kind, str]]:
    places: dict[str, Kind] = {}
    for kind, those in named.items():
        for address in those:
            places.setdefault(address.casefold(), kind)
    for address in dict.fromkeys(addresses):
        yield places.get(address.casefold(), Kind.ENVELOPE), address
