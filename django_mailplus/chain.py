"""The graph of mailers: which mailer hands its messages to which.

A wrapper names what it wraps with the option `using`: one alias, a list of aliases,
or a dict of alias to weight. Everything here reads MAILERS only; nothing is built,
nothing is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.mail import EmailMessage
from django.utils.module_loading import import_string

from django_mailplus.compat import (
    DEFAULT_MAILER_BACKEND,
    InvalidMailer,
    mailer_settings,
)

__all__ = [
    "aliases_in",
    "aliases_used",
    "backend_path",
    "describe",
    "find_backend",
    "find_cycle",
    "kind_of",
    "label",
    "leaves",
    "options_of",
    "refuse_cycle",
    "refuse_return",
    "walk",
]


def backend_path(alias: str) -> str:
    """The dotted path of the mailer's backend."""
    return str(_config(alias).get("BACKEND", DEFAULT_MAILER_BACKEND))


def find_backend(alias: str) -> Any:
    """What the mailer's BACKEND names.

    Raises ImportError when there is no such thing, whatever went wrong on the way: a
    path such as "..x" is a ValueError or TypeError to Python, and a module can raise
    anything.
    """
    try:
        return import_string(backend_path(alias))
    except ImportError:
        raise
    except Exception as error:
        raise ImportError(f"{type(error).__name__}: {error}") from error


def options_of(alias: str) -> Mapping[str, Any]:
    options = _config(alias).get("OPTIONS", {})
    return options if isinstance(options, Mapping) else {}


def aliases_used(alias: str) -> tuple[str, ...]:
    """The aliases in the mailer's option `using`, in order."""
    return aliases_in(options_of(alias).get("using"))


def aliases_in(using: Any) -> tuple[str, ...]:
    """The aliases that a value of the option `using` names."""
    if isinstance(using, str):
        return (using,)
    if isinstance(using, (list, tuple, set, frozenset, Mapping)):
        # What is no alias stays, to be found out when it is looked up.
        return tuple(a if isinstance(a, str) else repr(a) for a in using)
    return ()


def kind_of(alias: str) -> str:
    """What the backend declares to be: leaf, store, wrapper or router.

    A foreign backend is a wrapper when it has the option `using`, a leaf otherwise.
    """
    foreign = "wrapper" if aliases_used(alias) else "leaf"
    try:
        return str(getattr(find_backend(alias), "kind", foreign))
    except ImportError:
        return foreign


def find_cycle(alias: str) -> tuple[str, ...] | None:
    """The first way from this mailer back onto itself, as ("a", "b", "a")."""
    return _find_cycle(alias, (), set())


def _find_cycle(
    alias: str, path: tuple[str, ...], cleared: set[str]
) -> tuple[str, ...] | None:
    if alias in path:
        return (*path[path.index(alias) :], alias)
    if alias in cleared:
        return None
    for following in aliases_used(alias):
        cycle = _find_cycle(following, (*path, alias), cleared)
        if cycle is not None:
            return cycle
    cleared.add(alias)
    return None


_cleared: tuple[object, set[str]] = (None, set())  # of these settings


def refuse_cycle(alias: str) -> None:
    """Raise InvalidMailer when the mailer reaches itself."""
    global _cleared
    settings = mailer_settings()
    if settings is not _cleared[0]:
        _cleared = settings, set()
    if alias in _cleared[1]:  # Django makes a backend for each send
        return
    if (cycle := find_cycle(alias)) is None:
        _cleared[1].add(alias)
    else:
        raise InvalidMailer(
            f"'using' goes round in a circle: {' -> '.join(cycle)}. "
            "Let one of them name a mailer that sends.",
            alias=alias,
        )


_RETURNS = 5  # so many may be of a receiver of signals that sends a message once more


def refuse_return(copied: EmailMessage, alias: str | None) -> None:
    """Note on a copy that it is at this mailer; raise InvalidMailer if it keeps coming back.

    For a circle that `find_cycle` does not see, over a mailer of another package that says
    nowhere whom it hands mail to.
    """
    way: tuple[str, ...] = getattr(copied, "mailplus_way", ())
    if alias is None:
        return
    if way.count(alias) > _RETURNS:
        last = len(way) - 1 - way[::-1].index(alias)
        raise InvalidMailer(
            f"mail goes round in a circle: {' -> '.join((*way[last:], alias))}. A mailer on "
            "this way hands it back without naming 'using': let it name one that sends.",
            alias=alias,
        )
    copied.mailplus_way = (*way, alias)  # type: ignore[attr-defined]


def walk(alias: str) -> Iterator[str]:
    """The mailer and all behind it, each once, in order; safe for cycles."""
    seen: set[str] = set()
    waiting = [alias]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            yield current
            waiting.extend(reversed(aliases_used(current)))


def leaves(alias: str) -> Iterator[str]:
    """The mailers at which the chain ends, each once; safe for cycles."""
    for found in walk(alias):
        if not aliases_used(found) and found in mailer_settings():
            yield found


def describe(alias: str) -> str:
    """The chain in one line: `default:redirect(outbox -> failover(ses, smtp))`.

    A mailer shows as its alias, and its backend where the two differ. A store passes
    on later (->), wrappers and routers at once (in parentheses); what stands behind a
    mailer is shown once, then as (...). An alias that is not configured ends in "?".
    """
    return _describe(alias, set())


def label(alias: str) -> str:
    """The alias, and the backend where the two differ: `default:redirect`."""
    name = _short_name(backend_path(alias))
    return alias if alias == name else f"{alias}:{name}"


def _describe(alias: str, shown: set[str]) -> str:
    if alias not in mailer_settings():
        return f"{alias}?"
    name, following = label(alias), aliases_used(alias)
    if not following:
        return f"{name}(smtp)" if kind_of(alias) != "leaf" else name
    if alias in shown:
        return f"{name}(...)"
    shown.add(alias)
    inner = ", ".join(_describe(used, shown) for used in following)
    return f"{name} -> {inner}" if kind_of(alias) == "store" else f"{name}({inner})"


def _short_name(path: str) -> str:
    """`smtp` for a backend named as Django names them, the class's name for others."""
    module, _, name = path.rpartition(".")
    return module.rpartition(".")[2] if name == "EmailBackend" else name


def _config(alias: str) -> Mapping[str, Any]:
    """The entry of a mailer; empty where there is none or it is not a dict."""
    settings = mailer_settings()
    config = settings.get(alias, {}) if isinstance(settings, Mapping) else {}
    return config if isinstance(config, Mapping) else {}
