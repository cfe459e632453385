"""Mail of one kind, or to some domains, through a mailer of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage
from django.core.mail import EmailMessage
from django.utils.module_loading import import_string

from django_mailplus.backends.base import RouterBackend
from django_mailplus.backends.declaring import option_errors
from django_mailplus.chain import aliases_in
from django_mailplus.compat import InvalidMailer
from django_mailplus.message.envelope import domain_on_wire, envelope_of
from django_mailplus.message.stream import stream_of

__all__ = ["EmailBackend"]

Aliases = tuple[str | None, ...]
Choice = Callable[[EmailMessage], str | Sequence[str | None] | None]


class EmailBackend(RouterBackend):
    """Sends through the mailers that `routes` names for the domain or stream of a message.

    With `by` "domain" the keys of `routes` are domains of recipients: "example.com", or
    "*.example.com" for all below it. Of several that fit, the longest counts. A message to
    recipients of several mailers is sent by each to its own. With "stream" they are the
    values of `message.stream`. `by` may also be a function, or its dotted path, that is
    given the message and returns an alias, several, or None.

    What no route fits goes to `otherwise`, by default the first in `using`. All mailers
    must be in `using`. Of several, each is asked if the one before it is down, as in
    failover; see `RouterBackend`.
    """

    def __init__(
        self,
        *,
        by: str | Choice = "domain",
        routes: Mapping[str, str | Sequence[str]] | None = None,
        otherwise: str | Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if self.alias is not None:
            for problem in _mistakes(by, routes, otherwise, self.using):
                raise InvalidMailer(problem, alias=self.alias)
        self.by = by
        self.routes: dict[str, Aliases] = {
            _normal(key) if by == "domain" else key: aliases_in(target)
            for key, target in (routes or {}).items()
        }
        self.otherwise: Aliases = aliases_in(otherwise) or self.using[:1]
        self._ask: Choice | None = None if by in _KEYED else _imported(by)

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        problems = () if alias is None else _mistakes_in(options)
        return [*super().check(alias, options), *option_errors(cls, alias, problems)]

    def choose(self, message: EmailMessage) -> str | Sequence[str | None] | None:
        if self._ask is not None:
            return self._ask(message) or self.otherwise
        if self.by == "stream":
            return self.routes.get(stream_of(message), self.otherwise)
        address = next(iter(envelope_of(message).rcpt_to), "")
        return self._for_domain(domain_on_wire(address))

    def split(self, message: EmailMessage) -> Sequence[Collection[str]]:
        if self.by != "domain":
            return ()
        groups: dict[Aliases, set[str]] = {}
        for address in envelope_of(message).rcpt_to:
            aliases = self._for_domain(domain_on_wire(address))
            groups.setdefault(aliases, set()).add(address)
        return list(groups.values())

    def _for_domain(self, domain: str) -> Aliases:
        if domain in self.routes:
            return self.routes[domain]
        above = domain
        while above := above.partition(".")[2]:
            if (found := self.routes.get(f"*.{above}")) is not None:
                return found
        return self.otherwise


_KEYED = ("domain", "stream")


def _normal(key: str) -> str:
    star = "*." if key.startswith("*.") else ""
    return star + domain_on_wire(f"@{key.removeprefix('*.')}")


def _imported(by: Any) -> Choice:
    found: Choice = import_string(by) if isinstance(by, str) else by
    return found


def _mistakes_in(options: Mapping[str, Any]) -> Iterator[str]:
    using = aliases_in(options.get("using"))
    by, routes = options.get("by", "domain"), options.get("routes")
    return _mistakes(by, routes, options.get("otherwise"), using)


def _mistakes(by: Any, routes: Any, otherwise: Any, using: Aliases) -> Iterator[str]:
    if isinstance(by, str) and by in _KEYED:
        yield from _mistakes_in_routes(by, routes)
    else:
        yield from _mistakes_of_function(by, routes)
    named = [(f"'routes' for {key!r}", target) for key, target in _items(routes)]
    if otherwise is not None:
        named.append(("'otherwise'", otherwise))
    known = ", ".join(map(repr, using))
    for place, target in named:
        if not (aliases := aliases_in(target)):
            yield f"{place} names no mailer; it takes an alias or a list of them."
        for alias in aliases:
            if alias not in using:
                yield f"{place} names {alias!r}, which is not in 'using' ({known})."


def _items(routes: Any) -> list[tuple[Any, Any]]:
    return list(routes.items()) if isinstance(routes, Mapping) else []


def _mistakes_of_function(by: Any, routes: Any) -> Iterator[str]:
    what = "it takes 'domain', 'stream', or a function or its dotted path."
    if isinstance(by, str):
        try:
            by = import_string(by)
        except Exception as error:  # whatever the module raises
            yield f"'by' is {by!r} ({type(error).__name__}); {what}"
            return
    if not callable(by):
        yield f"'by' is a {type(by).__name__}; {what}"
    if routes:
        yield "'routes' are of no use where 'by' is a function: it names the mailers."


def _mistakes_in_routes(by: str, routes: Any) -> Iterator[str]:
    if not isinstance(routes, Mapping) or not routes:
        yield f"OPTIONS must define 'routes': a dict of {by} to alias, or to several."
        return
    seen: dict[str, str] = {}
    for key in routes:
        if not isinstance(key, str) or not key.strip():
            yield f"'routes' has the key {key!r}; it takes the name of a {by}."
        elif by == "domain":
            if not _is_domain(key):
                yield (
                    f"'routes' has the key {key!r}; it takes domains such as "
                    "'example.com' and '*.example.com'."
                )
            elif (other := seen.setdefault(_normal(key), key)) != key:
                yield f"'routes' has the keys {other!r} and {key!r}, which are the same."


def _is_domain(key: str) -> bool:
    name = key.removeprefix("*.")
    return bool(name) and not any(mark in name for mark in "@* ")
