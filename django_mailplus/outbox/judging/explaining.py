"""Why a mail did not leave, in one line: what failed, where, and how to find out more.

In our own words and in names of classes and modules. What a foreign error says may be the
words of a mail, an address or a secret, and is neither stored nor logged.
"""

from __future__ import annotations

import contextlib
import shlex
import traceback

from django_mailplus.chain import leaves
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.delivery import answer_lost, classify, code_in, http_status
from django_mailplus.doctor.catalogue import ServerSettings, explain
from django_mailplus.exceptions import MailplusError

__all__ = [
    "explain_failure",
    "explain_rebuilding",
    "explain_trouble",
    "is_unwritten",
]

_OURS = (MailplusError, InvalidMailer)  # their words are safe


def explain_trouble(error: BaseException, mailer: str) -> str:
    """Why a mailer rests."""
    return f"{_what(error, mailer)}. {_next_step(mailer)}"


def explain_failure(error: BaseException, mailer: str, *, blamed: bool = False) -> str:
    """Why one mail was not sent; `blamed` where others leave meanwhile."""
    what = _what(error, mailer)
    name = mailer or "The mailer"
    if blamed:
        said = f"{name} fails for this mail and sends others: {what}"
    elif classify(error) == "mailer":
        said = f"{name} could not be used: {what}"
    elif is_unwritten(error):
        return f"The message could not be written for {name}: {what}."
    elif answer_lost(error):
        said = f"{name} did not say whether it took the mail: {what}"
    else:
        said = f"{name} did not send it: {what}"
    return f"{said}. {_next_step(mailer)}"


def is_unwritten(error: BaseException) -> bool:
    """Whether nobody but ourselves refused the message."""
    answered = http_status(error) is not None or code_in(error) is not None
    return classify(error) == "message" and not answered


def explain_rebuilding(error: BaseException) -> str:
    """Why a mail cannot be made of what is stored."""
    what = _own_words(error) or _kind_and_place(error)
    return f"The message could not be rebuilt from the outbox: {what}."


def _next_step(mailer: str) -> str:
    using = f"--using {shlex.quote(mailer)} " if mailer else ""
    return f"For the dialogue: manage.py sendtestemail {using}--trace you@example.com"


def _what(error: BaseException, mailer: str) -> str:
    """Without a full stop. An HTTP status tells more than a row of the catalogue."""
    if (words := _own_words(error)) is not None:
        return words
    if (status := http_status(error)) is not None:
        return f"HTTP {status} ({_kind_and_place(error)})"
    if (diagnosis := explain(error, server=_server(mailer))) is None:
        return _kind_and_place(error)
    doubt = "" if diagnosis.confirmed else "probably "
    return f"{doubt}{diagnosis.title} ({_kind(error)})"


def _own_words(error: BaseException) -> str | None:
    if not isinstance(error, _OURS):
        return None
    words = " ".join(str(error).split()).rstrip(".")
    return f"{words} ({_kind(error)})"


def _kind(error: BaseException) -> str:
    code = code_in(error)
    return f"{type(error).__name__}{f' {code}' if code else ''}"


def _kind_and_place(error: BaseException) -> str:
    """A module and a line of a program; they have nothing of a mail."""
    places = list(traceback.walk_tb(error.__traceback__))
    if not places:
        return _kind(error)
    frame, line = places[-1]
    module = frame.f_globals.get("__name__", "?")
    return f"{_kind(error)} in {module}, line {line}"


def _server(mailer: str) -> ServerSettings:
    """Of several ends nobody knows which one failed."""
    with contextlib.suppress(Exception):  # the settings may be what is wrong
        [end] = leaves(mailer) if mailer else [None]
        return ServerSettings.of(get_mailer(end))
    return ServerSettings()
