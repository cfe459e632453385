"""Who a mail is for: an address, and for a user the language and the clock to write by."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone, translation
from django.utils.functional import Promise

from django_mailplus import conf

__all__ = [
    "Recipients",
    "addresses",
    "email_field_of",
    "email_of",
    "people_of",
    "reader_of",
    "writing_for",
]

Recipients: TypeAlias = str | Any | Iterable[str | Any]
"""An address, a user, or several of either."""

_LANGUAGE = re.compile(r"[a-z]{1,8}(?:[-_][a-z0-9]{1,8})*(?:@[a-z0-9]{1,20})?", re.I)


def email_field_of(user: Any) -> str:
    """The field of a user, or of a user model, that holds the address: Django's auth asks so."""
    ask = getattr(user, "get_email_field_name", None)
    return str(ask()) if ask is not None else "email"


def email_of(user: Any) -> str:
    """The current address of a user; empty when there is none."""
    return str(getattr(user, email_field_of(user), "") or "")


def people_of(to: Recipients) -> list[Any]:
    """Each of them, in a list: what gives them only once is asked once."""
    if to is None:
        return []
    return [to] if isinstance(to, str) or not isinstance(to, Iterable) else list(to)


def addresses(to: Recipients) -> list[str]:
    """The addresses to write to. Raises ValueError for an empty one, and for a user that
    has none: Django drops it in silence, and nobody hears that no mail was sent."""
    return [_address(one) for one in people_of(to)]


def _address(one: Any) -> str:
    if isinstance(one, str):
        if not one.strip():
            raise ValueError(
                "The address that is to get a mail is empty. Give one, or a user who has one; "
                "for a mail with nobody in To, leave `to` out."
            )
        return one
    if address := email_of(one):
        return address
    raise ValueError(
        f"A {type(one).__qualname__} is to get a mail and has no address: its "
        f"{email_field_of(one)!r} is empty or missing. Give a user with an address, or the "
        "address as text."
    )


def reader_of(to: Recipients) -> Any | None:
    """The user whom a mail is for; None for bare addresses and for several people."""
    people = people_of(to)
    return people[0] if len(people) == 1 and not isinstance(people[0], str) else None


@contextmanager
def writing_for(user: Any | None, language: str | None) -> Iterator[str | None]:
    """Render in the language and the time zone of a reader; gives the language.

    The language is as given, as MAILPLUS["RECIPIENT_LANGUAGE"] says of the user, or the
    active one. Raises ImproperlyConfigured for what is no language, and for a time zone
    that does not exist.
    """
    language = _language(language or _told(user, "RECIPIENT_LANGUAGE"))
    zone = _told(user, "RECIPIENT_TIME_ZONE")
    with ExitStack() as stack:
        if language:
            stack.enter_context(translation.override(language))
        if zone:
            stack.enter_context(timezone.override(_zone(zone)))
        yield translation.get_language()


def _told(user: Any | None, key: str) -> Any:
    """What an attribute of the user says, followed as a template would: profile.language."""
    path = conf.setting(key)
    if user is None or not path:
        return None
    value = user
    for name in path.split("."):
        value = getattr(value, name, None)
        if callable(value):
            value = value()
        if value is None:
            return None
    return value


def _language(language: Any) -> str | None:
    """It becomes a part of the names of files, and may come from a form of the user."""
    if not language:
        return None
    if isinstance(language, str | Promise) and _LANGUAGE.fullmatch(str(language)):
        return str(language)
    raise ImproperlyConfigured(
        f"A mail is to be written in {language!r}, which is no language. Give a code such as "
        "'de' or 'pt-br', as `language` or where MAILPLUS['RECIPIENT_LANGUAGE'] leads to."
    )


def _zone(zone: Any) -> datetime.tzinfo:
    try:
        return zone if isinstance(zone, datetime.tzinfo) else zoneinfo.ZoneInfo(zone)
    # Not found, none by its form, the name of a folder, and no name at all.
    except (KeyError, ValueError, OSError, TypeError, AttributeError) as error:
        raise ImproperlyConfigured(
            f"MAILPLUS['RECIPIENT_TIME_ZONE'] leads to {zone!r}, which is no time zone. It "
            "has to be a name such as 'Europe/Vienna', or a tzinfo."
        ) from error
