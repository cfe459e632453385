"""A header that stays in one line, however long a word of it is.

Python from Django 6.0 on writes a word that is longer than a line as encoded words
(RFC 2047), which nobody may do with the address in a List-Unsubscribe header: mail
programs would not find it (RFC 2369 section 2, RFC 8058 section 3.1).
"""

from __future__ import annotations

from email.policy import Policy
from typing import Any

__all__ = ["WholeHeader", "whole"]

_LONGEST = 998  # octets of a line (RFC 5322 section 2.1.1)


class WholeHeader(str):
    """The value of a header; `email` asks one with a `name` and `fold` to write itself."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, value: str) -> WholeHeader:
        """Raises ValueError for what is no line of ASCII."""
        line = f"{name}: {value}"
        if not line.isascii() or not line.isprintable() or len(line) > _LONGEST:
            raise ValueError(
                f"The header {name} is no line of at most {_LONGEST} ASCII characters."
            )
        header = super().__new__(cls, value)
        header.name = name
        return header

    def __reduce__(self) -> tuple[type[WholeHeader], tuple[str, str]]:  # to be copied
        return type(self), (self.name, str.__str__(self))

    def __str__(self) -> str:  # Django takes the str() of headers
        return self

    def fold(self, *, policy: Policy[Any]) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def whole(name: str, value: object) -> object:
    """The value of a list header with a word longer than a line; others as they are."""
    if not name.lower().startswith("list-") or type(value) is not str:
        return value
    if max(map(len, value.split()), default=0) < 76:
        return value
    try:
        return WholeHeader(name, value)
    except ValueError:
        return value
