"""The same mail to other people: nobody whom it was written to gets it, or is named in it."""

from __future__ import annotations

import contextlib
import fnmatch
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.envelope import bare_address
from django_mailplus.message.finished import rename_headers
from django_mailplus.message.overriding import addresses_as_django
from django_mailplus.message.pristine import writes_as_django
from django_mailplus.message.snapshot import restore, take

__all__ = ["Guard", "barred_from", "redirect", "tamed"]

Allowed = str | re.Pattern[str]

# Of django-anymail, and what a provider's API is given.
_BY_RECIPIENT = ("merge_data", "merge_headers", "merge_metadata")
_FOR_THE_API = (*_BY_RECIPIENT, "esp_extra", "merge_global_data", "metadata", "tags")
_OF_RECIPIENTS = re.compile(
    r"(?:resent-)?(?:to|cc|bcc)|apparently-to|delivered-to", re.I
)
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@\[\]\\]+@[^\s<>\"'(),:;@\[\]\\]+")
# Parsers differ about all else: for some "a@b.org <c@d.org>" is the first, for some the second.
_NAME = r"[^<>\"(),:;@\[\]\\\r\n]*|\"[^<>\"(),:;@\[\]\\\r\n]*\"\s*"
_ONE = re.compile(
    rf"(?P<bare>{_ADDRESS.pattern})|(?:{_NAME})<(?P<named>{_ADDRESS.pattern})>"
)


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
        if (found := _ONE.fullmatch(str(entry).strip())) is None:
            return False
        one = _normal(found["bare"] or found["named"])
        if one in map(_normal, map(bare_address, self.to)):
            return True
        return any(_matches(one, pattern) for pattern in self.allow)

    def instead(self) -> str:
        """An address for the place of one that may not be named."""
        return bare_address(self.to[0]) if self.to else "redirected@invalid"


def _normal(address: str) -> str:
    """To be compared: in small letters, the domain as it is on the wire."""
    local, at, domain = address.strip().casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return f"{local}{at}{domain}"


def _matches(address: str, allowed: Allowed) -> bool:
    if isinstance(allowed, re.Pattern):
        return allowed.fullmatch(address) is not None
    whole = "@" in allowed.lstrip("@")
    compared = address if whole else address.rpartition("@")[2]
    pattern = _normal(allowed.lstrip("@") if not whole else allowed)
    if "*" in pattern:
        return fnmatch.fnmatchcase(compared, pattern)
    return compared == pattern


def tamed(message: EmailMessage) -> EmailMessage:
    """The same as plain data, where a class has its own way: it could lead anywhere.

    Raises `SnapshotError` for a message that cannot be told as data.
    """
    if addresses_as_django(message) and writes_as_django(message):
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
        if _OF_RECIPIENTS.fullmatch(name):
            named += _addresses_in(str(value))
    for name in _BY_RECIPIENT:
        keyed = getattr(message, name, None)
        named += keyed if isinstance(keyed, Mapping) else ()
    barred: set[str] = set()
    for entry in (str(entry) for entry in named if not guard.allows(entry)):
        # As they are compared, and as they may be written in a text.
        for found in {bare_address(entry), *_ADDRESS.findall(entry)}:
            if not guard.allows(found):
                barred |= {_normal(found), found.strip().casefold()}
        barred.add(entry.strip().casefold())
    return barred - {""}


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
    if not message.recipients():
        return False
    scrub = _scrubber(guard, barred)
    _move_headers(message, barred, originals)
    message.subject = f"{prefix}{scrub(str(message.subject))}"
    _scrub_for_the_api(message, guard)
    if banner and not isinstance(message, FinishedMessage):
        _put_banner(message, originals)
    return True


def _addresses_in(text: str) -> Iterator[str]:
    yield from (address for _, address in getaddresses([text]) if address)
    yield from _ADDRESS.findall(text)


def _scrubber(guard: Guard, barred: Iterable[str]) -> Callable[[str], str]:
    """Takes the addresses of those who do not get the mail out of a text."""
    alternatives = "|".join(map(re.escape, sorted(barred, key=len, reverse=True)))
    pattern = re.compile(alternatives, re.I)
    return lambda text: pattern.sub(guard.instead(), text)


def _readdress(message: EmailMessage, guard: Guard) -> dict[str, str]:
    """Put who may get it in the place of the others; who the others are, by header."""
    originals = {}
    for header, name in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc")):
        before = list(getattr(message, name))
        kept = [address for address in before if guard.allows(address)]
        if len(kept) < len(before):
            originals[header] = ", ".join(map(str, before))
        setattr(message, name, kept)
    if (own := getattr(message, "mailplus_recipients", None)) is not None:
        kept = [address for address in own if guard.allows(address)]
        message.mailplus_recipients = _with(kept, guard.to)  # type: ignore[attr-defined]
    message.to = _with(message.to, guard.to)
    return originals


def _with(kept: Iterable[str], targets: Iterable[str]) -> list[str]:
    kept = list(kept)
    known = {_normal(bare_address(address)) for address in kept}
    return kept + [t for t in targets if _normal(bare_address(t)) not in known]


def _move_headers(
    message: EmailMessage, barred: set[str], originals: dict[str, str]
) -> None:
    """What names somebody who does not get it is kept as X-Original-*."""

    def names(text: object) -> bool:
        return any(address in str(text).casefold() for address in barred)

    headers: dict[str, Any] = {}
    for name, value in message.extra_headers.items():
        if name.lower().startswith("x-original-"):
            headers[name] = value
        elif _OF_RECIPIENTS.fullmatch(name) or names(value):
            originals[name] = str(value)
        else:
            headers[name] = value
    if any(map(names, message.reply_to)):
        originals["Reply-To"] = ", ".join(map(str, message.reply_to))
        message.reply_to = [a for a in message.reply_to if not names(a)]
    if names(message.from_email):
        originals["From"] = str(message.from_email)
        message.from_email = settings.DEFAULT_FROM_EMAIL
    if names(getattr(message, "envelope_sender", "")):
        del message.envelope_sender  # type: ignore[attr-defined]
    moved = {f"X-Original-{name}": text for name, text in originals.items()}
    message.extra_headers = headers | moved
    if isinstance(message, FinishedMessage):
        message.mailplus_finished = rename_headers(
            message.mailplus_finished,
            lambda name, text: bool(_OF_RECIPIENTS.fullmatch(name)) or names(text),
            add={"To": ", ".join(message.to), "Subject": "Redirected"},
        )


def _scrub_for_the_api(message: EmailMessage, guard: Guard) -> None:
    for name in _FOR_THE_API:
        if (value := getattr(message, name, None)) is None:
            continue
        if name in _BY_RECIPIENT and isinstance(value, Mapping):
            value = _keyed_by_who_gets_it(value, guard)
        setattr(message, name, _scrubbed(value, guard))


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


def _scrubbed(value: Any, guard: Guard) -> Any:
    """Without an address of anybody who may not get mail, however deep it stands."""
    if isinstance(value, str):
        return _ADDRESS.sub(
            lambda found: found[0] if guard.allows(found[0]) else guard.instead(), value
        )
    if isinstance(value, Mapping):
        return {_scrubbed(k, guard): _scrubbed(v, guard) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_scrubbed(item, guard) for item in value)
    return value


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
    alternatives: Any = getattr(message, "alternatives", None)
    for number, (content, mimetype) in enumerate(alternatives or ()):
        if mimetype == "text/html" and isinstance(content, str):
            pair = (_in_html(content, as_html), mimetype)
            alternatives[number] = type(alternatives[number])(*pair)


_BODY_TAG = re.compile(r"<body\b[^>]*>", re.I)


def _in_html(content: str, banner: str) -> str:
    found = _BODY_TAG.search(content)
    end = found.end() if found else 0
    return content[:end] + banner + content[end:]
