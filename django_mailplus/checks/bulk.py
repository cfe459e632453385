"""Whether people can leave the streams that go to many: MAILPLUS["BULK_STREAMS"]."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import combinations
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.locmem import EmailBackend as LocmemBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoSMTPBackend
from django.http.request import validate_host

from django_mailplus import conf
from django_mailplus.backends.declaring import is_a
from django_mailplus.backends.dkim import EmailBackend as DkimBackend
from django_mailplus.backends.route import EmailBackend as RouteBackend
from django_mailplus.backends.smtp import EmailBackend as SMTPBackend
from django_mailplus.backends.suppression import EmailBackend as SuppressionBackend
from django_mailplus.chain import aliases_in, aliases_used, kind_of, options_of, walk
from django_mailplus.checks.anymail import check_anymail
from django_mailplus.checks.graph import reached_without
from django_mailplus.smtp.options import is_loopback

__all__ = ["check_bulk", "check_signed", "check_streams"]

_BACKEND = "django_mailplus.backends.suppression.EmailBackend"
_LONGEST = 100  # characters, of the columns


def check_streams() -> Iterator[CheckMessage]:
    """Their names and titles; the setting is a dict."""
    for name, title in conf.setting("BULK_STREAMS").items():
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or not str(title):
            yield Error(
                f"MAILPLUS['BULK_STREAMS'] has {name!r}: {title!r}.",
                hint=f"It takes names of 1 to {_LONGEST} characters, and what the pages "
                "call them, such as {'news': 'Our newsletter'}.",
                id="mailplus.E060",
            )

    names = sorted(map(str, conf.setting("BULK_STREAMS")))
    for one, other in combinations(names, 2):
        if _read_without_case(one) == _read_without_case(other):
            yield Error(
                f"MAILPLUS['BULK_STREAMS'] has {one!r} and {other!r}, which MySQL and "
                "MariaDB take for the same: who leaves one leaves both.",
                hint="Let them differ in more than capitals, accents, or spaces at the end.",
                id="mailplus.E060",
            )


def _read_without_case(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c)).rstrip()


def check_bulk(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Of mailers that go round in no circle, and are all configured."""
    mailers = list(mailers)
    guards = [alias for alias in mailers if _is_suppression(alias)]
    for alias in guards:
        yield from _early(alias)
    yield from check_anymail(mailers)
    if not conf.setting("BULK_STREAMS"):
        return
    if not guards:
        if all(is_a(alias, LocmemBackend) for alias in mailers):
            return  # put there by Django for the time of the tests
        yield Warning(
            "MAILPLUS['BULK_STREAMS'] names streams, and no mailer looks at the do-not-mail "
            "list: who unsubscribes gets mail all the same.",
            hint=f"Put a mailer with BACKEND {_BACKEND!r} behind the outbox, or before "
            "what sends.",
            id="mailplus.W060",
        )
        return
    yield from _past_the_list(mailers)
    yield from _pages()


def _early(alias: str) -> Iterator[CheckMessage]:
    for store in walk(alias):
        if kind_of(store) != "store":
            continue
        if leaf := reached_without(store, _is_suppression):
            yield Warning(
                f"MAILERS[{alias!r}] looks at the do-not-mail list before {store!r} keeps "
                f"the mail, and nothing does when {leaf!r} sends it: who unsubscribes "
                "meanwhile gets it all the same.",
                hint=f"Let mail pass such a mailer behind {store!r}, on every way.",
                id="mailplus.W061",
            )


def _past_the_list(mailers: list[str]) -> Iterator[CheckMessage]:
    """Bulk mail that a route by stream sends a way of its own."""
    behind = {used for alias in mailers for used in aliases_used(alias)}
    entries = [alias for alias in mailers if alias not in behind]
    for router in mailers:
        options = options_of(router)
        if not is_a(router, RouteBackend) or options.get("by") != "stream":
            continue
        if not any(_unlisted_way(entry, router) for entry in entries):
            continue
        usual = aliases_in(options.get("otherwise")) or aliases_used(router)[:1]
        for stream in conf.setting("BULK_STREAMS"):
            ways = aliases_in(options["routes"].get(stream)) or usual
            found = (reached_without(way, _is_suppression) for way in ways)
            if leaf := next(filter(None, found), None):
                yield Warning(
                    f"MAILERS[{router!r}] sends mail of the bulk stream {stream!r} to "
                    f"{leaf!r}, and no mailer on that way looks at the do-not-mail list: "
                    "who unsubscribes gets it all the same.",
                    hint=f"Put a mailer with BACKEND {_BACKEND!r} before {leaf!r}, or "
                    f"before {router!r}.",
                    id="mailplus.W060",
                )


def _unlisted_way(alias: str, target: str) -> bool:
    """Whether mail comes from one to the other without a look at the list."""
    if _is_suppression(alias):
        return False
    ways = aliases_used(alias)
    return alias == target or any(_unlisted_way(way, target) for way in ways)


def check_signed(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Of a server without a log-in, which is no provider's, and may sign nothing."""
    if not conf.setting("BULK_STREAMS"):
        return
    for guard in filter(_is_suppression, mailers):
        if leaf := reached_without(guard, _is_signed):
            yield Warning(
                f"MAILERS[{guard!r}] adds the headers to unsubscribe, which count only if "
                "they are signed (RFC 8058 section 4), and no mailer before "
                f"{leaf!r} signs.",
                hint="Put 'django_mailplus.backends.dkim.EmailBackend' directly before "
                f"{leaf!r}. If the mail server signs, add this id to "
                "SILENCED_SYSTEM_CHECKS.",
                id="mailplus.W065",
            )


def _is_signed(alias: str) -> bool:
    """By us, or by the provider, who has an account for whoever sends."""
    if aliases_used(alias):
        return is_a(alias, DkimBackend)
    options = options_of(alias)
    own = is_a(alias, SMTPBackend, DjangoSMTPBackend) and not options.get("username")
    return not own


def _pages() -> Iterator[CheckMessage]:
    from django_mailplus.suppression.headers import unsubscribe_url

    try:
        url = unsubscribe_url("somebody@example.com", "")
    except ImproperlyConfigured as error:
        yield Error(
            f"Bulk mail gets a link to unsubscribe, which cannot be made. {error}",
            hint="Include 'django_mailplus.suppression.urls' in your URLconf, and set "
            "MAILPLUS['BASE_URL'], such as 'https://shop.example.com'.",
            id="mailplus.E061",
        )
        return
    parts = urlsplit(url)
    if not (
        settings.DEBUG or validate_host(parts.hostname or "", settings.ALLOWED_HOSTS)
    ):
        yield Warning(
            f"The links to unsubscribe lead to {parts.hostname!r}, which is not among "
            "ALLOWED_HOSTS: a click is answered with 400 and counts for nothing.",
            hint="Add it there, or correct MAILPLUS['BASE_URL'].",
            id="mailplus.W063",
        )
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        yield Warning(
            "The links to unsubscribe do not begin with https, and mail programs offer one "
            "click only where they do (RFC 8058 section 3.1).",
            hint="Set MAILPLUS['BASE_URL'], such as 'https://shop.example.com'.",
            id="mailplus.W062",
        )


def _is_suppression(alias: str) -> bool:
    return is_a(alias, SuppressionBackend)
