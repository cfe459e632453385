"""Every MAILPLUS key once: name, type, default, meaning.

What configures one mailer belongs to its OPTIONS in MAILERS; MAILPLUS holds only
what belongs to no mailer. Values are read live, so `override_settings` works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

__all__ = ["KEYS", "Key", "configured", "setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    type: type
    default: Any
    meaning: str


KEYS: Mapping[str, Key] = {
    "MAIL_SERVER": Key(
        type=str,
        default="127.0.0.1:8025",
        meaning="Address, as host:port, on which runmailserver listens when none is given.",
    ),
}


def configured() -> Any:
    """What the project wrote in MAILPLUS, unchecked; empty when it wrote nothing."""
    return getattr(settings, "MAILPLUS", {})


def setting(name: str) -> Any:
    """The value of one key, or its default. Raises KeyError for a key that is not ours."""
    default = KEYS[name].default
    value = configured()
    return value.get(name, default) if isinstance(value, Mapping) else default
