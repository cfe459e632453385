"""A mail as text that is the same in every run: what changes by itself has a name instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.http import urlsafe_base64_decode

from django_mailplus.testing.pretty import pretty

if TYPE_CHECKING:
    from django_mailplus.testing.sent_mail import SentMail

__all__ = ["steady"]

_URL = re.compile(r"https?://[^\s<>\"']+")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# What Django's password reset, its signing and `secrets` make; never a word, the words of a
# slug, or digits of an id. Sixteen characters of `secrets` have no digit in one mail of fifteen.
_TOKEN = re.compile(
    r"(?<=[/=#])(?:[0-9a-z]{1,13}-[0-9a-f]{32}|[\w.~-]*(?::[\w-]{6})?:[\w-]{20,}"
    r"|(?!(?:[a-z]+|\d+)(?:-(?:[a-z]+|\d+))*(?![\w-]))"
    r"(?=[\w-]*[A-Za-z])(?=[\w-]*(?:\d|[a-z][A-Z]))[\w-]{16,}(?:\.[\w-]{16,})*)(?![\w-])"
)
_BEFORE_TOKEN = re.compile(r"[^/?&=#]+(?=/<token>)")
_PORT = re.compile(r"(?<=//)(localhost|127\.0\.0\.1|testserver|\[::1\]):\d+")
_CID = re.compile(r"(?<=cid:)[^\s\"')>]+")
_TIME = re.compile(
    r"<today>(?:,? (?:at )?| um |T)\d{1,2}(?::[0-5]\d){1,2}(?:\.\d+)?(?: ?[ap]\.?m\.?)?"
    r"(?:Z| ?[+-]\d\d:?\d\d)?|<today>,? (?:at )?(?:midnight|noon|\d{1,2} [ap]\.m\.)",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(
    r"((?:©|\(c\)|copyright)\s*(?:\d{4}\s*[-\u2013]\s*)?)(?:19|20)\d\d\b", re.IGNORECASE
)
# fmt: off
_SPELLINGS = (
    "DATE_FORMAT", "SHORT_DATE_FORMAT", "MONTH_DAY_FORMAT", "j F Y", "jS F Y", "F j, Y",
    "F jS, Y", "j M Y", "d M Y", "M j, Y", "d/m/Y", "d.m.Y",
)
_WEEKDAYS = ("l, ", "D, ")
# fmt: on


def steady(mail: SentMail, replace: Mapping[str, str]) -> str:
    """Subject, addresses, text, HTML and attachments of a mail.

    `replace` names what else changes, before anything else is looked for.
    """
    parts = [
        f"Subject: {mail.subject}",
        f"From: {mail.from_}",
        *(
            f"{name}: {', '.join(addresses)}"
            for name, addresses in (("To", mail.to), ("Cc", mail.cc), ("Bcc", mail.bcc))
            if addresses
        ),
        *(
            f"Attachment: {each.filename or 'without a name'} ({each.content_type})"
            for each in mail.attachments
        ),
    ]
    text = "\n".join(line.rstrip() for line in mail.text.strip().splitlines())
    for title, content in (("text", text), ("html", pretty(mail.html))):
        if content:
            parts += ["", f"--- {title} ---", content.rstrip("\n")]
    return _hide(mail, "\n".join(parts) + "\n", replace)


def _hide(mail: SentMail, text: str, replace: Mapping[str, str]) -> str:
    for volatile, name in replace.items():
        text = text.replace(volatile, name)
    images: dict[str, str] = {}

    def image(found: re.Match[str]) -> str:
        return images.setdefault(found[0], f"<image {len(images) + 1}>")

    text = _CID.sub(image, _URL.sub(_steady_url, text))
    text = _UUID.sub("<uuid>", text)
    days = "|".join(map(re.escape, _days(mail)))
    text = _TIME.sub("<now>", re.sub(rf"(?<!\d)(?:{days})(?!\d)", "<today>", text))
    for code in mail.codes():
        spaced = r"[ \u00a0-]?".join(map(re.escape, code))
        text = re.sub(rf"\b{spaced}\b", "<code>", text)
    return _COPYRIGHT.sub(r"\1<year>", text)


def _steady_url(found: re.Match[str]) -> str:
    base, slash, path = _PORT.sub(r"\1:<port>", found[0]).partition("://")
    host, between, rest = path.partition("/")
    rest = _TOKEN.sub("<token>", _UUID.sub("<uuid>", between + rest))
    return f"{base}{slash}{host}{_BEFORE_TOKEN.sub(_steady_uid, rest)}"


def _steady_uid(found: re.Match[str]) -> str:
    """Who is meant changes; what is to be done, such as `confirm`, is of the mail."""
    said = found[0]
    with suppress(ValueError):
        if urlsafe_base64_decode(said).isdigit():
            return "<uid>"
    return "<uid>" if re.search(r"\d|<", said) else said


def _days(mail: SentMail) -> list[str]:
    """Today, in the formats of Django and in ISO's, the longest first."""
    spoken = (mail.language, translation.get_language())
    languages = {settings.LANGUAGE_CODE, *filter(None, spoken)}
    days = {
        datetime.now(UTC).date(),
        timezone.localdate() if settings.USE_TZ else _now(),
    }
    spelled: set[str] = set()
    for language in languages:
        with translation.override(language):
            spelled |= {each for day in days for each in _spellings(day)}
    return sorted(spelled, key=len, reverse=True)


def _now() -> date:
    return datetime.now().date()  # noqa: DTZ005 (a project without time zones)


def _spellings(day: date) -> Iterator[str]:
    yield day.isoformat()
    for spelling in _SPELLINGS:
        said = date_format(day, spelling)
        yield from (said, *(date_format(day, weekday) + said for weekday in _WEEKDAYS))
