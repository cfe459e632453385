"""What django-anymail needs to be told, and cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Warning

from django_mailplus.chain import backend_path, options_of

__all__ = ["check_anymail"]

# Those that Django's messages have: SES gets the bytes of a message as it is.
_OF_DJANGO = frozenset(
    {
        "from_email",
        "to",
        "cc",
        "bcc",
        "subject",
        "reply_to",
        "extra_headers",
        "body",
        "alternatives",
        "attachments",
    }
)


def check_anymail(mailers: Iterable[str]) -> Iterator[CheckMessage]:
    of_anymail = [a for a in mailers if backend_path(a).startswith("anymail.backends.")]
    if of_anymail and not apps.is_installed("anymail"):
        yield Warning(
            f"MAILERS[{of_anymail[0]!r}] sends with django-anymail, and 'anymail' is not "
            "among INSTALLED_APPS: nobody hears what the provider tells of bounces and "
            "complaints.",
            hint='Add "anymail" to INSTALLED_APPS.',
            id="mailplus.W064",
        )
    for alias in of_anymail:
        yield from _defaults_of_ses(alias)


def _defaults_of_ses(alias: str) -> Iterator[CheckMessage]:
    if not backend_path(alias).startswith("anymail.backends.amazon_ses."):
        return
    own = options_of(alias).get("send_defaults")
    own = _setting("AMAZON_SES_SEND_DEFAULTS") if own is None else own
    if named := sorted(_OF_DJANGO & {*_setting("SEND_DEFAULTS"), *own}):
        yield Warning(
            f"MAILERS[{alias!r}] refuses each mail: for Amazon SES django-anymail knows no "
            f"defaults for {', '.join(map(repr, named))}.",
            hint="Take them out of SEND_DEFAULTS, and set them on the messages; for the "
            "sender there is DEFAULT_FROM_EMAIL.",
            id="mailplus.W066",
        )


def _setting(name: str) -> Mapping[str, Any]:
    """In ANYMAIL, or by itself."""
    grouped = getattr(settings, "ANYMAIL", {})
    found = grouped.get(name) or getattr(settings, f"ANYMAIL_{name}", None)
    return found or {}
