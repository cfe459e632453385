"""What every backend of ours declares and answers, so that others need not look inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from django.core.checks import CheckMessage
from django.core.mail.backends.base import BaseEmailBackend

from django_mailplus.backends.constructors import unknown_options
from django_mailplus.chain import describe

__all__ = ["BackendKind", "MailplusBackend"]

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
