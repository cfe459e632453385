"""Who must not be mailed, and why: looked up before each mail, filled by what comes back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_mailplus.suppression.headers import (
        preferences_url,
        unsubscribe_headers,
        unsubscribe_url,
    )
    from django_mailplus.suppression.lookup import find, is_suppressed
    from django_mailplus.suppression.reasons import Reason
    from django_mailplus.suppression.writing import lift, suppress

__all__ = [
    "Reason",
    "find",
    "is_suppressed",
    "lift",
    "preferences_url",
    "suppress",
    "unsubscribe_headers",
    "unsubscribe_url",
]

_HOMES = {
    "Reason": "reasons",
    "find": "lookup",
    "is_suppressed": "lookup",
    "lift": "writing",
    "preferences_url": "headers",
    "suppress": "writing",
    "unsubscribe_headers": "headers",
    "unsubscribe_url": "headers",
}


def __getattr__(name: str) -> Any:
    """Its table is there only once the apps are loaded, so nothing is imported before."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
