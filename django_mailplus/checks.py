"""The system checks: mistakes in MAILERS, EMAIL_ and MAILPLUS, each with its repair.

Ids are permanent; one that goes out of use stays reserved in this table.

E001 shape of MAILERS   E002 unknown alias     E003 circle        E004 no such backend
E005 bad options        E006 unknown key       E007 type of a key E008 EMAIL_BACKEND missing
E009 MAILERS missing    E010 to E018, W010 to W014 options of SMTP (smtp/options.py)
W015 From without a domain                     W016 empty host   W017 no default mailer
E040 to E044, W040 to W042 who works off an outbox (outbox/dispatch/checks.py)
E020 development backend in production         E030 to E035, W030 to W033 verification
                                               (verification/checks.py)
E045, E046, W045 to W047 outbox (outbox/checks.py)
E050, E051, W050 to W059, W070 how mailers are put together (backends/graph_checks.py)
E060, E061, W060 to W066 who may be mailed (backends/bulk_checks.py, anymail_checks.py)
E070 to E072, W071 to W074 who may look into the inbox (backends/inbox_checks.py)
E080, W080 templated mails (templated/checks.py)
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.core.mail.backends.dummy import EmailBackend as DummyBackend
from django.core.mail.backends.filebased import EmailBackend as FileBackend
from django.core.mail.backends.locmem import EmailBackend as LocmemBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoSMTPBackend

from django_mailplus import compat, conf
from django_mailplus.backends import bulk_checks, graph_checks, inbox_checks
from django_mailplus.backends.base import MailplusBackend
from django_mailplus.backends.constructors import unknown_options
from django_mailplus.backends.declaring import is_a
from django_mailplus.backends.smtp import EmailBackend as SMTPBackend
from django_mailplus.chain import (
    aliases_used,
    backend_path,
    describe,
    find_backend,
    find_cycle,
    leaves,
    options_of,
)
from django_mailplus.outbox import checks as outbox
from django_mailplus.outbox.mailers.configured import outboxes
from django_mailplus.smtp.options import is_loopback
from django_mailplus.templated import checks as templated
from django_mailplus.verification import checks as verification

__all__: list[str] = []

TAG = "mail"
BACKPORT = "django_mailplus.backends.default.EmailBackend"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
DEVELOPMENT_BACKENDS = (ConsoleBackend, DummyBackend, FileBackend, LocmemBackend)


@register(TAG)
def check_mailplus_setting(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    configured = conf.configured()
    if not isinstance(configured, Mapping):
        return [
            Error(
                f"MAILPLUS is a {type(configured).__name__}; it takes a dict.",
                hint=f"Keys: {', '.join(conf.KEYS)}.",
                id="mailplus.E007",
            )
        ]
    found = [
        error for name, value in configured.items() for error in _check_key(name, value)
    ]
    return found or list(bulk_checks.check_streams())


def _check_key(name: Any, value: Any) -> Iterator[CheckMessage]:
    key = conf.KEYS.get(name)
    if key is None:
        near = difflib.get_close_matches(str(name).upper(), conf.KEYS, n=1)
        yield Error(
            f"MAILPLUS[{name!r}] is not a known key.",
            hint=f"Did you mean {near[0]!r}?"
            if near
            else f"Keys: {', '.join(conf.KEYS)}.",
            id="mailplus.E006",
        )
    elif value is None and key.optional:
        return
    elif not isinstance(value, key.type) or (
        key.type is int and isinstance(value, bool)
    ):
        yield Error(
            f"MAILPLUS[{name!r}] is a {type(value).__name__}; it takes the type "
            f"{key.type.__name__}{' or None' if key.optional else ''}.",
            hint=f"{key.meaning} Default: {key.default!r}.",
            id="mailplus.E007",
        )
    elif (key.choices and value not in key.choices) or (
        isinstance(value, int) and value < key.least
    ):
        allowed = " or ".join(map(repr, key.choices)) or f"{key.least} or more"
        yield Error(
            f"MAILPLUS[{name!r}] is {value!r}; it takes {allowed}.",
            hint=f"{key.meaning} Default: {key.default!r}.",
            id="mailplus.E007",
        )


@register(TAG)
def check_verification_settings(
    app_configs: object, **kwargs: object
) -> list[CheckMessage]:
    if check_mailplus_setting(app_configs):
        return []  # what is wrong there would only be told twice
    return list(verification.check_verification())


@register(TAG)
def check_inbox_settings(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    mailers = compat.mailer_settings()
    if check_mailplus_setting(app_configs) or list(_check_shape(mailers)):
        return []
    return list(inbox_checks.check_inbox_settings(mailers))


@register(TAG)
def check_colour(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if check_mailplus_setting(app_configs):
        return []
    return list(templated.check_colour())


@register(TAG, deploy=True)
def check_inlining(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    return list(templated.check_inlining())


@register(TAG)
def check_outbox(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Its database, where the project has one."""
    if list(_check_shape(compat.mailer_settings())) or not any(outboxes()):
        return []
    return list(outbox.check_database())


@register(TAG)
def check_email_backend(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """On Django 5.2 and 6.0 MAILERS works through one line in EMAIL_BACKEND."""
    if compat.NATIVE and compat.mailers_defined():
        return []
    email_backend = compat.email_setting("EMAIL_BACKEND")
    if compat.tests_running() and email_backend == LOCMEM:
        return []  # put there by Django for the time of the tests
    uses_backport = email_backend == BACKPORT
    if compat.mailers_defined() and not uses_backport:
        return [
            Error(
                "MAILERS is defined, but this version of Django sends through EMAIL_BACKEND "
                f"({email_backend!r}).",
                hint=f"Add EMAIL_BACKEND = {BACKPORT!r} while Django is older than 6.1.",
                id="mailplus.E008",
            )
        ]
    if uses_backport and not compat.mailers_defined():
        return [
            Error(
                "EMAIL_BACKEND stands for MAILERS['default'], but there is no MAILERS.",
                hint="Add a MAILERS setting with a 'default' entry.",
                id="mailplus.E009",
            )
        ]
    return []


@register(TAG)
def check_mailers(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    mailers = compat.mailer_settings()
    if problems := list(_check_shape(mailers)):
        return problems
    findings = [finding for alias in mailers for finding in _check_mailer(alias)]
    if not compat.NATIVE and compat.DEFAULT_MAILER_ALIAS not in mailers:
        findings.append(  # Django 6.1 says so itself
            Warning(
                "MAILERS has no 'default': mail that names no mailer cannot be sent.",
                hint=f"Name one of these 'default': {', '.join(map(repr, mailers))}.",
                id="mailplus.W017",
            )
        )
    findings += [*_check_cycles(mailers), *_check_from_addresses(mailers)]
    if compat.mailers_defined() and not any(isinstance(f, Error) for f in findings):
        findings += graph_checks.check_graph(mailers)
        if not check_mailplus_setting(app_configs):
            findings += bulk_checks.check_bulk(mailers)
            findings += inbox_checks.check_inbox(mailers)
    return findings


def _check_shape(mailers: Any) -> Iterator[CheckMessage]:
    hint = 'Write MAILERS = {"default": {"BACKEND": "...", "OPTIONS": {...}}}.'
    if not isinstance(mailers, Mapping):
        yield Error(
            f"MAILERS is a {type(mailers).__name__}; it takes a dict.",
            hint=hint,
            id="mailplus.E001",
        )
        return
    for alias, entry in mailers.items():
        if not isinstance(entry, Mapping):
            problem = f"is a {type(entry).__name__}; it takes a dict"
        elif unknown := sorted(map(repr, entry.keys() - {"BACKEND", "OPTIONS"})):
            problem = f"has the unknown keys {', '.join(unknown)}"
        elif not isinstance(entry.get("OPTIONS", {}), Mapping):
            problem = "has OPTIONS that are not a dict"
        elif not isinstance(entry.get("BACKEND", ""), str):
            problem = "has a BACKEND that is not the dotted path of a class"
        else:
            continue
        yield Error(f"MAILERS[{alias!r}] {problem}.", hint=hint, id="mailplus.E001")


def _check_mailer(alias: str) -> Iterator[CheckMessage]:
    configured = compat.mailer_settings()
    for used in aliases_used(alias):
        if used not in configured:
            yield Error(
                f"MAILERS[{alias!r}]: 'using' names the mailer {used!r}, which is not configured.",
                hint=_did_you_mean(used, configured),
                id="mailplus.E002",
            )
    if compat.mailers_defined() and backend_path(alias) == BACKPORT:
        yield Error(
            f"MAILERS[{alias!r}]: BACKEND {BACKPORT!r} belongs in EMAIL_BACKEND: it is what "
            "leads to MAILERS.",
            hint="Name a backend that sends, such as "
            "'django_mailplus.backends.smtp.EmailBackend'.",
            id="mailplus.E004",
        )
        return
    try:
        backend_class = find_backend(alias)
    except ImportError as error:
        yield Error(
            f"MAILERS[{alias!r}]: cannot import BACKEND {backend_path(alias)!r}: {error}",
            hint="Write the dotted path of a backend class, such as "
            "'django_mailplus.backends.smtp.EmailBackend', and check that its package "
            "is installed.",
            id="mailplus.E004",
        )
        return
    if not callable(backend_class):
        yield Error(
            f"MAILERS[{alias!r}]: BACKEND {backend_path(alias)!r} is not a class.",
            hint="The path of a backend ends in its class, most often '.EmailBackend'.",
            id="mailplus.E004",
        )
    elif not isinstance(backend_class, type):
        return  # a function that makes a backend; Django calls it
    elif not hasattr(backend_class, "send_messages"):
        yield Error(
            f"MAILERS[{alias!r}]: BACKEND {backend_path(alias)!r} is a class that sends no "
            "mail: it has no send_messages().",
            hint="The path of a backend ends in its class, most often '.EmailBackend'.",
            id="mailplus.E004",
        )
    else:
        yield from _check_options(backend_class, alias)


def _check_options(backend_class: type, alias: str) -> Iterable[CheckMessage]:
    """Ask a backend of ours; know those of Django; trust the rest."""
    options, named = options_of(alias), alias if compat.mailers_defined() else None
    if backend_class is DjangoSMTPBackend:
        backend_class = SMTPBackend
    if issubclass(backend_class, MailplusBackend):
        if named is None and issubclass(backend_class, SMTPBackend):
            options = compat.email_options()
        return backend_class.check(named, options)
    if backend_class in DEVELOPMENT_BACKENDS and issubclass(
        backend_class, BaseEmailBackend
    ):
        # Taken from **kwargs, so not in a signature.
        writes = issubclass(backend_class, ConsoleBackend)
        known = {"stream", "fail_silently"} if writes else set()
        rest = {name: value for name, value in options.items() if name not in known}
        found = unknown_options(backend_class, named, rest)
        if named and backend_class is FileBackend and "file_path" not in options:
            found.append(
                Error(
                    f"MAILERS[{alias!r}]: OPTIONS must define 'file_path'.",
                    hint="Name the folder that mails are written to.",
                    id="mailplus.E005",
                )
            )
        return found
    if named is None or _takes_alias(backend_class):
        return []
    return [
        Error(
            f"MAILERS[{alias!r}]: the constructor of BACKEND {backend_path(alias)!r} "
            "takes no 'alias'.",
            hint="It was written before there were mailers: update the package it comes "
            "from, or pass **kwargs on to BaseEmailBackend.",
            id="mailplus.E005",
        )
    ]


def _takes_alias(backend_class: type) -> bool:
    parameters = inspect.signature(backend_class).parameters
    return "alias" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def _check_cycles(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    reported: set[frozenset[str]] = set()
    for alias in mailers:
        cycle = find_cycle(alias)
        if cycle is None or frozenset(cycle) in reported:
            continue
        reported.add(frozenset(cycle))
        yield Error(
            f"MAILERS: 'using' goes round in a circle: {' -> '.join(cycle)}.",
            hint="Let one of them name a mailer that sends, such as an SMTP mailer.",
            id="mailplus.E003",
        )


def _check_from_addresses(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Real servers refuse, or file as spam, a sender without a domain of its own."""
    if not any(_sends_to_a_real_server(alias) for alias in mailers):
        return
    used = ["DEFAULT_FROM_EMAIL", *(["SERVER_EMAIL"] if settings.ADMINS else [])]
    for name in used:
        address = parseaddr(str(getattr(settings, name)))[1]
        domain = address.rpartition("@")[2] if "@" in address else ""
        if "." not in domain:
            yield Warning(
                f"{name} is {address!r}, which has no domain that can receive mail.",
                hint=f"Set {name} to an address of your own domain, which SPF and DKIM vouch for.",
                id="mailplus.W015",
            )


def _sends_to_a_real_server(alias: str) -> bool:
    defined = compat.mailers_defined()
    host = (options_of(alias) if defined else compat.email_options()).get("host")
    return is_a(alias, DjangoSMTPBackend) and not is_loopback(str(host or "localhost"))


@register(TAG, deploy=True)
def check_default_reaches_somebody(
    app_configs: object, **kwargs: object
) -> list[CheckMessage]:
    """Like Django's mail.E001, which looks at the first backend of the chain only."""
    default = compat.DEFAULT_MAILER_ALIAS
    mailers = compat.mailer_settings()
    if list(_check_shape(mailers)) or default not in mailers:
        return []
    if compat.NATIVE and compat.mailers_defined() and not aliases_used(default):
        return []  # Django's own check reports this one
    return [
        Error(
            f"Mail of the default mailer ends in a development backend: {describe(default)} "
            f"({backend_path(leaf)}).",
            hint="Let the chain end in a backend that sends, such as SMTP.",
            id="mailplus.E020",
        )
        for leaf in leaves(default)
        if is_a(leaf, *DEVELOPMENT_BACKENDS)
    ]


@register(TAG, deploy=True)
def check_environment(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    if check_mailplus_setting(app_configs) or check_mailers(app_configs):
        return []  # what is wrong there comes first
    mailers = compat.mailer_settings()
    return [
        *graph_checks.check_environment(mailers),
        *bulk_checks.check_signed(mailers),
        *inbox_checks.check_inbox_access(mailers),
    ]


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    names = ", ".join(map(repr, known)) or "none"
    return (
        f"Did you mean {near[0]!r}? Configured: {names}."
        if near
        else f"Configured: {names}."
    )
