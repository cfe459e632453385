"""The same mail to other people: nobody whom it was written to gets it, or is named in it."""

from __future__ import annotations

import contextlib
import fnmatch
import html
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailAlternative, EmailAttachment, EmailMessage
from django.utils.functional import Promise

from django_mailplus.message.capture import FIELDS, is_attribute
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.envelope import bare_address
from django_mailplus.message.finished import rename_headers
from django_mailplus.message.merging import MERGED_BY
from django_mailplus.message.naming import (
    ADDRESS,
    addresses_in,
    forms,
    readings,
    without_addresses,
)
from django_mailplus.message.overriding import addresses_as_django, holds_as_django
from django_mailplus.message.pristine import writes_as_django
from django_mailplus.message.snapshot import restore, take

__all__ = ["Guard", "barred_from", "clean", "redirect", "tamed", "wrong_pattern"]

Allowed = str | re.Pattern[str]

# Of django-anymail. All that packages put on a message may be told to a provider's API.
_FOR_THE_API = (*MERGED_BY, "esp_extra", "merge_global_data", "metadata", "tags")
_OF_RECIPIENTS = re.compile(
    r"(?:resent-)?(?:to|cc|bcc)|apparently-to|delivered-to", re.I
)
# Others may name whom a provider sends to, such as X-SMTPAPI and X-MC-BccAddress.
_OF_THE_SENDER = re.compile(
    r"(?:resent-)?(?:from|sender|reply-to|message-id)|return-path|errors-to|in-reply-to|"
    r"references|(?:list|content|arc|dkim)-.+|disposition-notification-to|"
    r"return-receipt-to|feedback-id|authentication-results|received.*|autocrypt|subject|"
    r"x-original-.*",
    re.I,
)
# Parsers differ about all else: for some "a@b.org <c@d.org>" is the first, for some the second.
_WORDS = r"[^<>\"(),:;@\uff20\ufe6b\[\]\\\r\n]*"
_NAME = rf"{_WORDS}|\"{_WORDS}\"\s*"
_ONE = re.compile(rf"(?P<bare>{ADDRESS})|(?:{_NAME})<(?P<named>{ADDRESS})>")
# Read by older software as others than newer software does (RFC 5894 section 7.2).
_READ_IN_TWO_WAYS = re.compile("[ßẞς\u200c\u200d]")
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Who may get mail, and who gets the mail of all others: nobody if `to` is empty.

    `allow` holds addresses, domains ("example.com", "*.example.com"), and patterns with
    stars or compiled ones, which are compared with the whole address in small letters.
    """

    to: tuple[str, ...] = ()
    allow: tuple[Allowed, ...] = ()

    def allows(self, entry: object) -> bool:
        """Whether this is one address beyond doubt, and of somebody who may get mail."""
        text = str(entry).strip()
        if "=?" in text or (found := _ONE.fullmatch(text)) is None:
            return False
        one = _normal(found["bare"] or found["named"])
        if one in map(_normal, map(bare_address, self.to)):
            return True
        return any(_matches(one, pattern) for pattern in self.allow)

    def instead(self) -> str:
        """An address for the place of one that may not be named."""
        return bare_address(self.to[0]) if self.to else "redirected@invalid"


def _normal(address: str) -> str:
    """To be compared: in small letters, the domain as it is on the wire.

    Only ASCII has small letters here: "ß" and "ss" are two people's.
    """
    local, at, domain = address.strip().rpartition("@")
    if not _READ_IN_TWO_WAYS.search(domain):
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode()
    return f"{local}{at}{domain}".translate(_SMALL)


def _matches(address: str, allowed: Allowed) -> bool:
    if isinstance(allowed, re.Pattern):
        return allowed.fullmatch(address) is not None
    whole = "@" in allowed.lstrip("@")
    compared = address if whole else address.rpartition("@")[2]
    pattern = _normal(allowed.lstrip("@") if not whole else allowed)
    if "*" in pattern:
        return fnmatch.fnmatchcase(compared, pattern)
    return compared == pattern


# An address, or a domain with a dot; "*" alone would let everybody get mail.
_SOMEBODY = re.compile(r"[^@*.]@|[^@*.]\.|\.[^@*.]|^@?localhost$")


def wrong_pattern(allowed: object) -> str:
    """What is wrong with an entry of `Guard.allow`, after the words "it has"."""
    if not isinstance(allowed, str | re.Pattern) or not allowed:
        return f"{allowed!r}; it takes addresses, domains and patterns."
    if isinstance(allowed, str) and not _SOMEBODY.search(allowed):
        return (
            f"{allowed!r}, which is neither an address nor a domain such as "
            "'example.com' or '*.example.com'."
        )
    return ""


def tamed(message: EmailMessage) -> EmailMessage:
    """The same as plain data, where a class has its own way: it could lead anywhere.

    Raises `SnapshotError` for a message that cannot be told as data.
    """
    kind: Any = type(message)  # its stubs deny that it is hashable
    if (
        holds_as_django(kind, FIELDS)
        and addresses_as_django(message)
        and writes_as_django(message)
    ):
        return message
    snapshot = take(message)
    plain = restore(snapshot.document, snapshot.blobs.__getitem__)
    if "outbox" in vars(message):
        vars(plain)["outbox"] = vars(message)["outbox"]
    return plain


def barred_from(message: EmailMessage, guard: Guard) -> set[str]:
    """Everybody who may not get it and whom it would reach, or names as a recipient."""
    named: list[object] = [
        *message.to,
        *message.cc,
        *message.bcc,
        *message.recipients(),
    ]
    for name, value in message.extra_headers.items():
        if _OF_RECIPIENTS.fullmatch(str(name).strip()):
            named += addresses_in(value)
    for name in MERGED_BY:
        keyed = getattr(message, name, None)
        named += keyed if isinstance(keyed, Mapping) else ()
    barred: set[str] = set()
    for entry in (str(entry) for entry in named if not guard.allows(entry)):
        for found in {bare_address(entry), *addresses_in(entry)}:
            if not guard.allows(found):
                barred |= forms(found)
        barred.add(entry.strip().casefold())
    return barred - {""}


def clean(message: EmailMessage, guard: Guard) -> None:
    """What goes to nobody but those who may get it tells nobody about others, either."""
    _move_headers(message, guard, set(), {})
    _scrub_for_the_api(message, guard, set())


def redirect(
    message: EmailMessage,
    guard: Guard,
    barred: set[str],
    *,
    prefix: str = "",
    banner: bool = True,
) -> bool:
    """Send a message that is tamed to others than those; whether there are any.

    It is changed in place.
    """
    originals = _readdress(message, guard)
    everybody = message.recipients()
    if not everybody:
        return False
    if not all(map(guard.allows, everybody)):
        raise RuntimeError("A message kept recipients that were taken from it.")
    scrub = _scrubber(guard, barred)
    message.subject = f"{prefix}{scrub(str(message.subject))}"
    if not isinstance(message, FinishedMessage):
        message.attachments = [_renamed(each, scrub) for each in message.attachments]
    _move_headers(message, guard, barred, originals)
    _scrub_for_the_api(message, guard, barred)
    if banner and not isinstance(message, FinishedMessage):
        _put_banner(message, originals)
    return True


def _renamed(attachment: Any, scrub: Callable[[str], str]) -> Any:
    """One with a name of its own, and not a part that the caller built."""
    if not isinstance(attachment, list | tuple) or not attachment[0]:
        return attachment
    name, *rest = attachment
    return EmailAttachment(scrub(str(name)), *rest)


def _named_in(barred: set[str]) -> Callable[[object], bool]:
    """Whether a text names one of those, in whatever way programs read it."""

    def names(text: object) -> bool:
        read = readings(text)
        return any(address in read for address in barred)

    return names


def _scrubber(guard: Guard, barred: set[str]) -> Callable[[str], str]:
    """Takes the addresses of those who do not get the mail out of a text."""
    alternatives = "|".join(map(re.escape, sorted(barred, key=len, reverse=True)))
    pattern = re.compile(alternatives, re.I)
    names = _named_in(barred)

    def scrub(text: str) -> str:
        scrubbed = pattern.sub(guard.instead(), text)
        return guard.instead() if names(scrubbed) else scrubbed

    return scrub


def _readdress(message: EmailMessage, guard: Guard) -> dict[str, str]:
    """Put who may get it in the place of the others; who the others are, by header."""
    originals = {}
    targets = guard.to if not all(map(guard.allows, message.recipients())) else ()
    for header, name in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc")):
        before = list(map(str, getattr(message, name)))
        kept = [address for address in before if guard.allows(address)]
        if len(kept) < len(before):
            originals[header] = ", ".join(before)
        setattr(message, name, kept)
    if (own := getattr(message, "mailplus_recipients", None)) is not None:
        kept = [str(address) for address in own if guard.allows(address)]
        message.mailplus_recipients = _with(kept, targets)  # type: ignore[attr-defined]
    message.to = _with(message.to, targets)
    return originals


def _with(kept: Iterable[str], targets: Iterable[str]) -> list[str]:
    kept = list(kept)
    known = {_normal(bare_address(address)) for address in kept}
    return kept + [t for t in targets if _normal(bare_address(t)) not in known]


def _move_headers(
    message: EmailMessage, guard: Guard, barred: set[str], originals: dict[str, str]
) -> None:
    """What names somebody who does not get it is kept as X-Original-*."""
    names = _named_in(barred)

    def moves(name: str, text: object) -> bool:
        if barred and (_OF_RECIPIENTS.fullmatch(name) or names(text)):
            return True
        if _OF_THE_SENDER.fullmatch(name):
            return False
        return not all(map(guard.allows, addresses_in(text)))

    headers: dict[str, Any] = {}
    for given, value in message.extra_headers.items():
        name = str(given).strip()
        if name.lower().startswith("x-original-") or not moves(name, value):
            headers[given] = value
        else:
            originals[name] = str(value)
    if any(map(names, message.reply_to)):
        originals["Reply-To"] = ", ".join(map(str, message.reply_to))
        message.reply_to = [a for a in message.reply_to if not names(a)]
    if names(message.from_email):
        originals["From"] = str(message.from_email)
        message.from_email = settings.DEFAULT_FROM_EMAIL
    if names(getattr(message, "envelope_sender", "")):
        message.envelope_sender = bare_address(settings.DEFAULT_FROM_EMAIL)  # type: ignore[attr-defined]
    moved = {f"X-Original-{name}": text for name, text in originals.items()}
    message.extra_headers = headers | moved
    if isinstance(message, FinishedMessage):
        message.mailplus_finished = rename_headers(
            message.mailplus_finished,
            moves,
            add={
                "To": map(bare_address, message.to),
                "From": [bare_address(message.from_email)],
                "Subject": ["Redirected"],
            },
        )


def _scrub_for_the_api(message: EmailMessage, guard: Guard, barred: set[str]) -> None:
    scrub = _Scrub(guard, barred)
    for name in {*_FOR_THE_API, *filter(is_attribute, vars(message))}:
        if name == "envelope_sender" or (value := getattr(message, name, None)) is None:
            continue
        if name in MERGED_BY and isinstance(value, Mapping):
            value = _keyed_by_who_gets_it(value, guard)
        setattr(message, name, scrub(value))


def _keyed_by_who_gets_it(
    by_recipient: Mapping[Any, Any], guard: Guard
) -> dict[Any, Any]:
    """Whoever gets the mail of others gets what was for the first of them."""
    kept = {a: value for a, value in by_recipient.items() if guard.allows(a)}
    for address, value in by_recipient.items():
        if not guard.allows(address):
            for target in guard.to:
                kept.setdefault(bare_address(target), value)
    return kept


class _Scrub:
    """Without an address of anybody who may not get mail, however deep it stands."""

    def __init__(self, guard: Guard, barred: set[str]) -> None:
        self._guard, self._names = guard, _named_in(barred)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self(k): self(v) for k, v in value.items()}
        if isinstance(value, list | set | frozenset):
            return type(value)(map(self, value))
        if isinstance(value, tuple):
            return tuple(map(self, value))
        return self._object(value)

    def _text(self, value: str) -> str:
        guard = self._guard
        text = without_addresses(value, guard.allows, guard.instead())
        return guard.instead() if text is None or self._names(text) else text

    def _object(self, value: Any) -> Any:
        """Stays if nothing that it holds is to be changed."""
        if isinstance(value, bytes):
            text = value.decode("utf-8", "surrogateescape")
            return self._text(text).encode("utf-8", "surrogateescape")
        if isinstance(value, Promise):
            return self._text(str(value))
        try:
            return None if self._tells(value, set()) else value
        except RecursionError:  # too large to be looked through
            return None

    def _tells(self, value: Any, seen: set[int]) -> bool:
        if id(value) in seen:
            return False
        seen.add(id(value))
        if isinstance(value, str | bytes | Promise):
            return bool(self(value) != value)
        if isinstance(value, Mapping):
            value = [*value, *value.values()]
        if isinstance(value, list | tuple | set | frozenset):
            return any(self._tells(item, seen) for item in value)
        held = getattr(value, "__dict__", None)
        if isinstance(value, type) or not isinstance(held, dict):
            held = {}
        return self._text(str(value)) != str(value) or self._tells(held, seen)


def _put_banner(message: EmailMessage, originals: Mapping[str, str]) -> None:
    told = [f"{name}: {text}" for name, text in originals.items()]
    lines = ["This mail was redirected. It was written to:", *told]
    as_text = "\n".join([*lines, "-" * 72, "", ""])
    as_html = (
        '<div style="border:2px solid #b45309;background:#fffbeb;color:#1c1917;'
        'padding:8px 12px;margin:0 0 16px;font:14px/1.4 sans-serif">'
        + "<br>".join(map(html.escape, lines))
        + "</div>"
    )
    html_body = getattr(message, "content_subtype", "plain") == "html"
    body = str(message.body)
    message.body = _in_html(body, as_html) if html_body else as_text + body
    if (alternatives := getattr(message, "alternatives", None)) is not None:
        message.alternatives = [  # type: ignore[attr-defined]
            EmailAlternative(_in_html(content, as_html), mimetype)
            if mimetype == "text/html" and isinstance(content, str)
            else EmailAlternative(content, mimetype)
            for content, mimetype in alternatives
        ]


_BODY_TAG = re.compile(r"<body\b[^>]*>", re.I)


def _in_html(content: str, banner: str) -> str:
    found = _BODY_TAG.search(content)
    end = found.end() if found else 0
    return content[:end] + banner + content[end:]
