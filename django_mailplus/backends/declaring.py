"""What every backend of ours declares and answers, so that others need not look inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.backends.constructors import hint_of_options, unknown_options
from django_mailplus.chain import describe, find_backend

__all__ = [
    "BackendKind",
    "MailplusBackend",
    "is_a",
    "mistakes_of_cache",
    "option_errors",
]

BackendKind = Literal["leaf", "store", "wrapper", "router"]


class MailplusBackend(BaseEmailBackend):
    """A backend that can be checked without being built, and says what it is."""

    kind: ClassVar[BackendKind] = "leaf"
    verbatim: ClassVar[bool] = False
    """Whether it transmits our bytes unchanged, as signing needs."""

    alias: str | None = None

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        """Findings about the options of one mailer; opens nothing, builds nothing.

        `alias` is None for a backend named in EMAIL_BACKEND.
        """
        return unknown_options(cls, alias, options)

    def __repr__(self) -> str:
        if self.alias is not None:
            return f"<{describe(self.alias)}>"
        return f"<{type(self).__module__}.{type(self).__qualname__}>"


def is_a(alias: str, *kinds: type) -> bool:
    """Whether the backend of a mailer is of one of these classes; not if there is none."""
    try:
        backend: object = find_backend(alias)
    except ImportError:
        return False  # told by another check
    return isinstance(backend, type) and issubclass(backend, kinds)


def option_errors(
    backend_class: type, alias: str | None, problems: Iterable[str]
) -> list[CheckMessage]:
    """As findings, what the constructor would say of the options of a mailer."""
    return [
        Error(
            f"MAILERS[{alias!r}]: {problem}",
            hint=hint_of_options(backend_class),
            id="mailplus.E005",
        )
        for problem in problems
    ]


def mistakes_of_cache(cache: Any) -> Iterator[str]:
    """In the option that names a cache, or None."""
    if cache is not None and cache not in settings.CACHES:
        known = ", ".join(map(repr, settings.CACHES))
        yield f"'cache' is {cache!r}; it takes the name of a cache (there are: {known})."
