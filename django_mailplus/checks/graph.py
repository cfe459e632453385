"""Mistakes in the way mailers are put together, which no mailer sees by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.mail.backends.smtp import EmailBackend as DjangoSMTPBackend

from django_mailplus import conf
from django_mailplus.backends.base import MailplusBackend, RouterBackend
from django_mailplus.backends.declaring import is_a
from django_mailplus.backends.inbox import EmailBackend as InboxBackend
from django_mailplus.backends.limiting import ONE_PROCESS, UNLOCKED
from django_mailplus.backends.ratelimit import EmailBackend as RateLimitBackend
from django_mailplus.backends.redirect import EmailBackend as RedirectBackend
from django_mailplus.backends.route import EmailBackend as RouteBackend
from django_mailplus.backends.smtp import EmailBackend as SMTPBackend
from django_mailplus.chain import (
    aliases_used,
    describe,
    find_backend,
    kind_of,
    leaves,
    options_of,
    walk,
)

__all__ = ["check_environment", "check_graph", "reached_without"]

PRODUCTION = "production"


def check_graph(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Of mailers that go round in no circle, and are all configured."""
    for alias in mailers:
        for check in (
            _store_behind_store,
            _router_of_one,
            _same_twice,
            _silent,
            _early,
            _limited_alone,
            _limits_the_storing,
            _limits_one_way,
            _streams_as_domains,
            _patient_for_ever,
        ):
            yield from check(alias)


def _store_behind_store(alias: str) -> Iterator[CheckMessage]:
    behind = [a for a in walk(alias) if a != alias and kind_of(a) == "store"]
    if kind_of(alias) == "store" and behind:
        yield Error(
            f"MAILERS[{alias!r}] keeps mail for {behind[0]!r}, which keeps it again: "
            f"{describe(alias)}.",
            hint="One outbox on the way is enough: name what comes after the second one.",
            id="mailplus.E050",
        )


def _router_of_one(alias: str) -> Iterator[CheckMessage]:
    if is_a(alias, RouterBackend) and len(set(aliases_used(alias))) == 1:
        yield Warning(
            f"MAILERS[{alias!r}] is a router with one mailer behind it: {describe(alias)}.",
            hint="Name another one in 'using', or send through that mailer itself.",
            id="mailplus.W050",
        )


def _same_twice(alias: str) -> Iterator[CheckMessage]:
    if not is_a(alias, RouterBackend) or is_a(alias, RouteBackend):
        return  # its mailers do not stand in for each other
    ends = [leaf for used in aliases_used(alias) for leaf in leaves(used)]
    for leaf in sorted({leaf for leaf in ends if ends.count(leaf) > 1}):
        yield Warning(
            f"MAILERS[{alias!r}] reaches {leaf!r} in several ways: when that one is down, "
            f"so are these: {describe(alias)}.",
            hint="Let them end in different mailers, or name only one of them in 'using'.",
            id="mailplus.W051",
        )


def _silent(alias: str) -> Iterator[CheckMessage]:
    if not (is_a(alias, RouterBackend) or kind_of(alias) == "store"):
        return
    for leaf in leaves(alias):
        if options_of(leaf).get("fail_silently"):
            yield Warning(
                f"MAILERS[{leaf!r}] fails silently, so {alias!r} does not hear that a mail "
                "was not sent.",
                hint=f"Take 'fail_silently' from the OPTIONS of {leaf!r}.",
                id="mailplus.W052",
            )


def _early(alias: str) -> Iterator[CheckMessage]:
    if not is_a(alias, RedirectBackend):
        return
    for store in walk(alias):
        if kind_of(store) != "store":
            continue
        if leaf := reached_without(store, lambda a: is_a(a, RedirectBackend)):
            yield Warning(
                f"MAILERS[{alias!r}] redirects mail before {store!r} keeps it, and nothing "
                f"does when {leaf!r} sends it: mail that is there already, or that another "
                "process with other settings put there, reaches real people.",
                hint=f"Put a redirect behind {store!r} as well, or there alone.",
                id="mailplus.W053",
            )


def _limited_alone(alias: str) -> Iterator[CheckMessage]:
    cache = options_of(alias).get("cache")
    if settings.DEBUG or not is_a(alias, RateLimitBackend) or cache is None:
        return
    path = str(settings.CACHES[cache].get("BACKEND", ""))
    if path.endswith((*ONE_PROCESS, *UNLOCKED)):
        yield Warning(
            f"MAILERS[{alias!r}] keeps its rate in the cache {cache!r} ({path}), which "
            "processes do not share, or not safely: together they send more.",
            hint="Name a cache in Redis or memcached; or leave 'cache' out, and the "
            "database of the outbox is used.",
            id="mailplus.W056",
        )


def _limits_the_storing(alias: str) -> Iterator[CheckMessage]:
    if not is_a(alias, RateLimitBackend):
        return
    if stores := [store for store in walk(alias) if kind_of(store) == "store"]:
        yield Warning(
            f"MAILERS[{alias!r}] limits how fast {stores[0]!r} keeps mail, not how fast it "
            f"is sent: {describe(alias)}.",
            hint=f"Put the limit behind {stores[0]!r}.",
            id="mailplus.W057",
        )


def _limits_one_way(alias: str) -> Iterator[CheckMessage]:
    if kind_of(alias) != "store":
        return
    for router in walk(alias):
        ways = aliases_used(router) if is_a(router, RouteBackend) else ()
        patient = [way for way in ways if any(map(_waits_for_room, walk(way)))]
        if patient and len(patient) < len(ways):
            yield Warning(
                f"MAILERS[{router!r}] takes mail from {alias!r} several ways, and in the way "
                f"of {patient[0]!r} a rate limit waits for room: a worker that holds much "
                "mail for it does not get on with mail for the others.",
                hint="Give that limit the option 'max_wait': 0, and such mail is put off; or "
                f"put {router!r} before two outboxes, one for each way.",
                id="mailplus.W059",
            )


def _waits_for_room(alias: str) -> bool:
    return is_a(alias, RateLimitBackend) and options_of(alias).get("max_wait") != 0


def _streams_as_domains(alias: str) -> Iterator[CheckMessage]:
    options = options_of(alias)
    if not is_a(alias, RouteBackend) or options.get("by", "domain") != "domain":
        return
    for key in options.get("routes", ()):
        if "." not in key and key.lower() != "localhost":
            yield Warning(
                f"MAILERS[{alias!r}]: the keys of 'routes' are domains of recipients, and "
                f"{key!r} has no dot: mail of a stream with that name does not go there.",
                hint='If it is a stream, add "by": "stream" to OPTIONS.',
                id="mailplus.W070",
            )


def _patient_for_ever(alias: str) -> Iterator[CheckMessage]:
    if not (is_a(alias, RouterBackend) or kind_of(alias) == "store"):
        return
    for leaf in leaves(alias):
        if (
            is_a(leaf, DjangoSMTPBackend)
            and not is_a(leaf, SMTPBackend)
            and options_of(leaf).get("timeout") is None
        ):
            yield Warning(
                f"MAILERS[{leaf!r}] waits for its server without end, and {alias!r} with "
                "it: a server that says nothing is never taken for down.",
                hint=f"Give {leaf!r} a 'timeout' in seconds, such as 10; or use "
                "'django_mailplus.backends.smtp.EmailBackend', which has one.",
                id="mailplus.W058",
            )


def check_environment(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Whether real people get mail from production, and from nowhere else."""
    environment = conf.setting("ENVIRONMENT")
    if not environment:
        return
    mailers = list(mailers)
    if environment.lower() == PRODUCTION:
        for alias in mailers:
            if is_a(alias, RedirectBackend):
                yield Warning(
                    f"MAILERS[{alias!r}] redirects mail in production.",
                    hint="Leave it out there, or correct MAILPLUS['ENVIRONMENT'].",
                    id="mailplus.W054",
                )
        return
    behind = {used for alias in mailers for used in aliases_used(alias)}
    for alias in (alias for alias in mailers if alias not in behind):
        if leaf := reached_without(alias, lambda a: is_a(a, RedirectBackend)):
            yield Warning(
                f"MAILERS[{alias!r}] mails real people through {leaf!r}, and the environment "
                f"is {environment!r}.",
                hint="Put a redirect before it: "
                "'django_mailplus.backends.redirect.EmailBackend'.",
                id="mailplus.W055",
            )


def reached_without(alias: str, guards: Callable[[str], bool]) -> str | None:
    """An SMTP mailer, or one of a provider, that mail reaches past all guards."""
    if guards(alias):
        return None
    if not aliases_used(alias):
        return alias if _sends(alias) else None
    found = (reached_without(used, guards) for used in aliases_used(alias))
    return next(filter(None, found), None)


def _sends(alias: str) -> bool:
    """Whether it leads out: a development backend of Django's does not, nor the inbox."""
    if is_a(alias, DjangoSMTPBackend, SMTPBackend):
        return True
    module = getattr(_backend(alias), "__module__", "")
    return not (
        module.startswith("django.core.mail.backends.") or is_a(alias, InboxBackend)
    )


def _backend(alias: str) -> object:
    try:
        return find_backend(alias)
    except ImportError:
        return MailplusBackend  # told by another check
