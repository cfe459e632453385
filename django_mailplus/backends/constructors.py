"""Which options a backend takes: the parameters of its constructors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.mail.backends.base import BaseEmailBackend

__all__ = ["hint_of_options", "unknown_options"]


def unknown_options(
    backend_class: type[BaseEmailBackend], alias: str | None, options: Mapping[str, Any]
) -> list[CheckMessage]:
    """An error when there are options that no constructor of the class takes."""
    known = set(_constructor_options(backend_class))
    if alias is None or not (unknown := sorted(map(repr, options.keys() - known))):
        return []
    return [
        Error(
            f"MAILERS[{alias!r}]: Unknown options {', '.join(unknown)}.",
            hint=hint_of_options(backend_class),
            id="mailplus.E005",
        )
    ]


def hint_of_options(backend_class: type) -> str:
    """What it takes."""
    known = sorted(set(_constructor_options(backend_class)))
    return f"Options of this backend: {', '.join(known) or 'none'}."


def _constructor_options(backend_class: type) -> Iterator[str]:
    """The named parameters on the way up, as far as each passes the rest on."""
    for cls in backend_class.__mro__:
        if "__init__" not in cls.__dict__:
            continue
        parameters = inspect.signature(cls.__dict__["__init__"]).parameters.values()
        if cls is not BaseEmailBackend:
            yield from (
                p.name
                for p in parameters
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
                and p.name not in {"self", "alias", "_ignore_unknown_kwargs"}
            )
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return
