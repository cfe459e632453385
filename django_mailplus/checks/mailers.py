"""Each mailer by itself: an entry, a backend and options that can be; and the way to it.

E001 shape of MAILERS   E002 unknown alias   E003 circle             E004 no such backend
E005 bad options        E008 EMAIL_BACKEND   E009 MAILERS missing    E020 development backend
W015 From without a domain                   W017 no default mailer
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.core.mail.backends.dummy import EmailBackend as DummyBackend
from django.core.mail.backends.filebased import EmailBackend as FileBackend
from django.core.mail.backends.locmem import EmailBackend as LocmemBackend
from django.core.mail.backends.smtp import EmailBackend as DjangoSMTPBackend

from django_mailplus import compat
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
from django_mailplus.smtp.options import is_loopback

__all__ = ["check_default", "check_each", "check_email_backend", "check_shape"]

BACKPORT = "django_mailplus.backends.default.EmailBackend"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
DEVELOPMENT_BACKENDS = (ConsoleBackend, DummyBackend, FileBackend, LocmemBackend)


def check_shape(mailers: Any) -> Iterator[CheckMessage]:
    """Whether MAILERS is a dict of entries that the others can read."""
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


def check_each(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Of mailers whose entries have the right shape."""
    for alias in mailers:
        yield from _check_mailer(alias)
    if not compat.NATIVE and compat.DEFAULT_MAILER_ALIAS not in mailers:
        yield Warning(  # Django 6.1 says so itself
            "MAILERS has no 'default': mail that names no mailer cannot be sent.",
            hint=f"Name one of these 'default': {', '.join(map(repr, mailers))}.",
            id="mailplus.W017",
        )
    yield from _check_cycles(mailers)
    yield from _check_from_addresses(mailers)


def check_default(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    """Like Django's mail.E001, which looks at the first backend of the chain only."""
    default = compat.DEFAULT_MAILER_ALIAS
    if default not in mailers:
        return
    if compat.NATIVE and compat.mailers_defined() and not aliases_used(default):
        return  # Django's own check reports this one
    for leaf in leaves(default):
        if is_a(leaf, *DEVELOPMENT_BACKENDS):
            yield Error(
                f"Mail of the default mailer ends in a development backend: "
                f"{describe(default)} ({backend_path(leaf)}).",
                hint="Let the chain end in a backend that sends, such as SMTP.",
                id="mailplus.E020",
            )


def check_email_backend() -> Iterator[CheckMessage]:
    """On Django 5.2 and 6.0 MAILERS works through one line in EMAIL_BACKEND."""
    if compat.NATIVE and compat.mailers_defined():
        return
    email_backend = compat.email_setting("EMAIL_BACKEND")
    if compat.tests_running() and email_backend == LOCMEM:
        return  # put there by Django for the time of the tests
    uses_backport = email_backend == BACKPORT
    if compat.mailers_defined() and not uses_backport:
        yield Error(
            "MAILERS is defined, but this version of Django sends through EMAIL_BACKEND "
            f"({email_backend!r}).",
            hint=f"Add EMAIL_BACKEND = {BACKPORT!r} while Django is older than 6.1.",
            id="mailplus.E008",
        )
    if uses_backport and not compat.mailers_defined():
        yield Error(
            "EMAIL_BACKEND stands for MAILERS['default'], but there is no MAILERS.",
            hint="Add a MAILERS setting with a 'default' entry.",
            id="mailplus.E009",
        )


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


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    names = ", ".join(map(repr, known)) or "none"
    return (
        f"Did you mean {near[0]!r}? Configured: {names}."
        if near
        else f"Configured: {names}."
    )
