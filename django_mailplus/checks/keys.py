"""The keys of MAILPLUS: known ones, of their types.

E006 unknown key   E007 type of a key
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error

from django_mailplus import conf

__all__ = ["check_keys"]


def check_keys() -> Iterator[CheckMessage]:
    """What is set, whatever it is."""
    configured = conf.configured()
    if isinstance(configured, Mapping):
        for name, value in configured.items():
            yield from _check_key(name, value)
        return
    yield Error(
        f"MAILPLUS is a {type(configured).__name__}; it takes a dict.",
        hint=f"Keys: {', '.join(conf.KEYS)}.",
        id="mailplus.E007",
    )


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
