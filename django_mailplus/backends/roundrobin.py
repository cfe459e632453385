"""Several mailers in turn, each for its share; the others stand by."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from django.core.checks import CheckMessage
from django.core.mail import EmailMessage

from django_mailplus.backends.base import RouterBackend
from django_mailplus.backends.declaring import option_errors
from django_mailplus.compat import InvalidMailer
from django_mailplus.message.envelope import domain_on_wire, envelope_of

__all__ = ["EmailBackend"]

Shares = tuple[tuple[str | None, int], ...]


class EmailBackend(RouterBackend):
    """Sends through the mailers in `using` in turn; one that is down is passed over.

    `using` may be a dict of alias to weight, a whole number: of {"ses": 3, "smtp": 1} the
    first one gets three of four messages. With `sticky` "domain" all mail to a domain goes
    through the same mailer, so that each builds a reputation there. See `RouterBackend`.
    """

    def __init__(
        self,
        *,
        using: Any = None,
        sticky: Literal["domain"] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(using=using, **options)
        for problem in _mistakes(using, sticky):
            raise InvalidMailer(problem, alias=self.alias)
        weights = using if isinstance(using, Mapping) else {}
        self.shares: Shares = tuple((a, weights.get(a, 1)) for a in self.using)
        self.sticky = sticky

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        problems = _mistakes(options.get("using"), options.get("sticky"))
        return [*super().check(alias, options), *option_errors(cls, alias, problems)]

    def choose(self, message: EmailMessage) -> Sequence[str | None]:
        if self.sticky:
            return _ranked(self.shares, _domain(message))
        turns = _turns(self.shares)
        start = next(_cursor(self.alias, self.shares)) % len(turns)
        return tuple(dict.fromkeys((*turns[start:], *turns[:start])))


def _mistakes(using: Any, sticky: Any) -> Iterator[str]:
    if isinstance(using, Mapping):
        for alias, weight in using.items():
            if type(weight) is not int or not 1 <= weight <= 100:
                yield (
                    f"'using' gives {alias!r} the weight {weight!r}; it takes a whole "
                    "number from 1 to 100."
                )
    if sticky not in (None, "domain"):
        yield f"'sticky' is {sticky!r}; it takes 'domain' or None."


@functools.cache
def _turns(shares: Shares) -> tuple[str | None, ...]:
    """One round, in which the turns of each mailer are as far apart as they can be."""
    total = sum(weight for _, weight in shares)
    credit = dict.fromkeys((alias for alias, _ in shares), 0)
    turns = []
    for _ in range(total):
        for alias, weight in shares:
            credit[alias] += weight
        ahead = max(credit, key=lambda alias: credit[alias])
        credit[ahead] -= total
        turns.append(ahead)
    return tuple(turns)


@functools.cache
def _cursor(router: str | None, shares: Shares) -> Iterator[int]:
    """From anywhere, so that processes that live for one message spread it, too."""
    return itertools.count(random.randrange(1_000_000))  # noqa: S311 (spread, no secret)


def _ranked(shares: Shares, key: str) -> tuple[str | None, ...]:
    """By weighted rendezvous hashing: only the mail of a mailer that goes moves."""

    def score(share: tuple[str | None, int]) -> float:
        alias, weight = share
        digest = hashlib.sha256(f"{alias}\0{key}".encode()).digest()
        drawn = (int.from_bytes(digest[:7], "big") + 1) / (2**56 + 1)
        return -weight / math.log(drawn)

    return tuple(alias for alias, _ in sorted(shares, key=score, reverse=True))


def _domain(message: EmailMessage) -> str:
    """Of the first recipient."""
    return next(map(domain_on_wire, envelope_of(message).rcpt_to), "")
