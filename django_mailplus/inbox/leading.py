"""Which mailers lead to the inbox, for whoever sees no mail in it and wonders."""

from __future__ import annotations

from django_mailplus.chain import backend_path, describe, walk
from django_mailplus.compat import mailer_settings

__all__ = ["is_there", "leading"]


def leading() -> dict[str, str]:
    """Their chains by alias."""
    return {
        alias: describe(alias)
        for alias in mailer_settings()
        if any(map(_is_inbox, walk(alias)))
    }


def is_there() -> bool:
    """Whether any mailer is an inbox. Cheap: an outbox asks it for all that it stores."""
    return any(map(_is_inbox, mailer_settings()))


def _is_inbox(alias: str) -> bool:
    return backend_path(alias) == "django_mailplus.backends.inbox.EmailBackend"
