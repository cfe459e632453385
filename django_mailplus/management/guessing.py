"""What a mistyped word may have been meant to be."""

from __future__ import annotations

import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import partial
from typing import NoReturn

__all__ = ["did_you_mean", "guess_in_errors"]

_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")
_UNKNOWN = re.compile(r"unrecognized arguments: (.*)")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to follow a sentence, or nothing."""
    near = get_close_matches(word, [*known], 1)
    return f" Did you mean {near[0]!r}?" if near else ""


def guess_in_errors(parser: ArgumentParser) -> None:
    """Let it, and the parsers of its verbs, guess what was meant by a word they do not know."""
    parsers = [parser]
    for action in parser._actions:  # as Django's call_command does
        if isinstance(action, _SubParsersAction):
            parsers += action.choices.values()
    options = {name for some in parsers for name in some._option_string_actions}
    for some in parsers:
        some.error = partial(_fail, some.error, options)  # type: ignore[method-assign]


def _fail(
    fail: Callable[[str], NoReturn], options: Iterable[str], message: str
) -> NoReturn:
    guess = _guess(message, options)
    fail(f"{message}.{guess}" if guess else message)


def _guess(message: str, options: Iterable[str]) -> str:
    if "maybe you meant" in message:  # Python may know, from 3.14 on
        return ""
    if found := _CHOICE.search(message):
        return did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
    if found := _UNKNOWN.search(message):
        words = [word.partition("=")[0] for word in found[1].split()]
        guesses = (did_you_mean(w, options) for w in words if w.startswith("--"))
        return next(filter(None, guesses), "")
    return ""
