"""Tokens for links: made and checked by Django's generator, or the project's."""

from __future__ import annotations

from typing import Any, Literal, Protocol, cast

from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ImproperlyConfigured
from django.utils.http import base36_to_int
from django.utils.module_loading import import_string

from django_mailplus import conf
from django_mailplus.verification.mailbox import mailbox_key
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.subject import Subject

__all__ = [
    "Generator",
    "Use",
    "accepts_token",
    "check_token",
    "default_generator",
    "is_ours",
    "make_token",
]

_DAY = 86_400  # seconds; more than clocks, time zones and summer time can differ

Use = Literal["confirm", "report", "cancel"]
"""What a token may do with its row. The last two work whoever set the password since."""


class Generator(Protocol):
    def make_token(self, user: Any) -> str: ...
    def check_token(self, user: Any, token: str | None) -> bool: ...


def default_generator() -> Generator:
    """The generator of MAILPLUS["VERIFICATION_TOKEN_GENERATOR"]: Django's, if not set."""
    path = conf.setting("VERIFICATION_TOKEN_GENERATOR")
    try:
        found = import_string(path)
    except (ImportError, AttributeError) as error:
        raise ImproperlyConfigured(
            f"MAILPLUS['VERIFICATION_TOKEN_GENERATOR']: cannot import {path!r}: {error}. "
            "Name an object with make_token() and check_token()."
        ) from error
    return cast("Generator", found() if isinstance(found, type) else found)


def is_ours(generator: Generator | None) -> bool:
    """Whether our pages can check what the generator makes."""
    return generator is None or type(generator) is type(default_generator())


def _subject(user: Any, row: EmailAddress, use: str) -> Subject:
    return Subject(
        user,
        purpose=f"{use}:{row.purpose}",
        # Keys, so that the case of the letters may change between mail and click.
        email=f"{mailbox_key(row.email)}\0{mailbox_key(row.previous_email)}",
        nonce=row.nonce,
        outlives_password=use != "confirm",
    )


def _pair(
    user: Any, row: EmailAddress, use: str, generator: Generator | None
) -> tuple[Generator, Any]:
    """A generator and what it is shown; the user itself when tokens are not to be bound."""
    if use != "confirm":  # a link against whoever holds the account by now
        return default_token_generator, _subject(user, row, use)
    generator = generator or default_generator()
    if not conf.setting("VERIFICATION_BIND_TOKENS"):
        return generator, user
    return generator, _subject(user, row, use)


def make_token(
    user: Any,
    row: EmailAddress,
    use: Use = "confirm",
    *,
    generator: Generator | None = None,
) -> str:
    generator, subject = _pair(user, row, use, generator)
    return str(generator.make_token(subject))


def check_token(
    user: Any,
    row: EmailAddress,
    token: str,
    use: Use = "confirm",
    *,
    generator: Generator | None = None,
) -> bool:
    """Whether the token was made for this row and this use, and is in its time.

    Its date is bounded on both sides: to Django's generator only an old one is too much.
    """
    generator, subject = _pair(user, row, use, generator)
    longest = conf.setting("VERIFICATION_TIMEOUT") if use == "confirm" else None
    return _in_its_time(generator, token, longest) and accepts_token(
        generator, subject, token
    )


def accepts_token(generator: Generator, subject: Any, token: str) -> bool:
    """False also for a generator that raises, as many signers do for a bad token."""
    try:
        return bool(generator.check_token(subject, token))
    except Exception:
        return False


def _in_its_time(generator: Any, token: str, longest: int | None) -> bool:
    """False for a token that says it is from another day than it can be.

    Only tokens in the shape of Django's say when they were made; others are left to
    their generator.
    """
    clock = getattr(generator, "_num_seconds", None)
    now = getattr(generator, "_now", None)
    if clock is None or now is None:
        return True
    try:
        made = base36_to_int(token.split("-")[0])
    except ValueError:
        return False
    age = int(clock(now())) - made
    return age >= -_DAY and (longest is None or age <= longest)
