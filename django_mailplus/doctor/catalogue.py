"""The failure catalogue: from an error to its cause and its remedy in Django terms.

Pure: no network, no settings are read. The rows are data, in failures.toml.
"""

from __future__ import annotations

import builtins
import functools
import re
import smtplib
import socket
import ssl
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from django_mailplus.compat import EMAIL_SETTING_OF_OPTION
from django_mailplus.smtp.options import (
    IMPLICIT_TLS_PORTS,
    is_loopback,
    without_credentials,
)
from django_mailplus.smtp.replies import parse_reply

__all__ = [
    "CONDITIONS",
    "Diagnosis",
    "Failure",
    "ServerSettings",
    "Style",
    "explain",
    "failures",
    "matches",
]

Style = Literal["mailers", "email"]
"""How the project writes its settings: in MAILERS or as EMAIL_*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What is configured for the server, as far as it is known; None is unknown."""

    host: str | None = None
    port: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: Any = None  # a bool, or by mistake the text "False"
    use_ssl: Any = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None

    @classmethod
    def of(cls, backend: object) -> ServerSettings:
        """The attributes that SMTP backends have; nothing for other backends."""
        return cls(
            **{name: getattr(backend, name, None) for name in cls.__dataclass_fields__}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row of the catalogue; see failures.toml for the meaning of the fields."""

    id: str
    title: str
    cause: str
    remedy: str
    exceptions: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    enhanced: re.Pattern[str] | None = None
    text: re.Pattern[str] | None = None
    host: re.Pattern[str] | None = None
    when: tuple[str, ...] = ()
    general: bool = False
    confirmed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why it failed and what to change, in the words of the project's settings."""

    id: str
    title: str
    cause: str
    remedy: str
    confirmed: bool


def explain(
    error: BaseException | str,
    *,
    server: ServerSettings | None = None,
    alias: str = "default",
    style: Style = "mailers",
) -> Diagnosis | None:
    """The first row that fits, or None.

    `error` is the exception of a send, or its text or a server's reply as somebody
    pasted it. `server` makes the answer more precise. `alias` and `style` choose how
    settings are written in the answer: MAILERS['alias']['OPTIONS']['use_tls'] (after
    its first mention OPTIONS['use_tls']) or EMAIL_USE_TLS.
    """
    server = server or ServerSettings()
    row = next(matches(error, server=server), None)
    if row is None:
        return None
    words = _words(server, alias, style)

    def written(text: str) -> str:
        # The full path once, then short: three of them hide what the sentence says.
        before, path, after = text.format_map(words).partition(_path(alias))
        return before + path + after.replace(_path(alias), "OPTIONS")

    return Diagnosis(
        id=row.id,
        title=written(row.title),
        cause=written(row.cause),
        remedy=written(row.remedy),
        confirmed=row.confirmed,
    )


def matches(
    error: BaseException | str, *, server: ServerSettings | None = None
) -> Iterator[Failure]:
    """Every row that fits, best first."""
    server = server or ServerSettings()
    seen: set[str] = set()  # an error and its cause may well fit the same row
    for observation in _observations(error):
        for row in failures():
            if row.id not in seen and _fits(row, observation, server):
                seen.add(row.id)
                yield row


@functools.cache
def failures() -> tuple[Failure, ...]:
    """The rows, in the order in which they are tried."""
    path = Path(__file__).with_name("failures.toml")
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["failure"]
    return tuple(
        Failure(**{name: _loaded(name, row[name]) for name in row}) for row in rows
    )


def _loaded(name: str, value: Any) -> Any:
    if name in ("enhanced", "text", "host"):
        return re.compile(value, re.IGNORECASE)
    return tuple(value) if isinstance(value, list) else value


def _words(server: ServerSettings, alias: str, style: Style) -> dict[str, str]:
    if style == "email":
        words = dict(EMAIL_SETTING_OF_OPTION)
    else:
        words = {name: f"{_path(alias)}[{name!r}]" for name in EMAIL_SETTING_OF_OPTION}
    host, port = without_credentials((server.host or "").strip()), server.port
    words["actual_port"] = str(port or "465")
    words["server"] = (f"{host}:{port}" if port else host) or "the server"
    return words


def _path(alias: str) -> str:
    return f"MAILERS[{alias!r}]['OPTIONS']"


# --- What was seen -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observation:
    classes: frozenset[str]  # empty when all we have is a text
    code: int | None
    enhanced: str
    text: str


# RFC 5321 section 4.2.1: the second digit is 0 to 5, which keeps ports such as 587 out.
_CODE_IN_TEXT = re.compile(r"(?<![\w.:])([245][0-5]\d)(?=[ \-,#:]|$)")
_ENHANCED_IN_TEXT = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\w.]*\.\d|\d)")
_CLASS_IN_TEXT = re.compile(
    r"\b[A-Za-z]+(?:Error|Exception|Refused|Disconnected|gaierror)\b|\bgaierror\b"
)


def _observations(error: BaseException | str) -> Iterator[_Observation]:
    if isinstance(error, str):
        yield _from_text(error)
        return
    seen: BaseException | None = error
    while seen is not None:
        classes = frozenset(cls.__name__ for cls in type(seen).__mro__)
        if isinstance(seen, smtplib.SMTPRecipientsRefused):
            for code, text in seen.recipients.values():
                yield _from_reply(classes, code, text)
        elif isinstance(seen, smtplib.SMTPResponseException):
            yield _from_reply(classes, seen.smtp_code, seen.smtp_error)
        else:
            yield _Observation(
                classes=classes, code=None, enhanced="", text=_flat(str(seen))
            )
        seen = seen.__cause__


def _from_reply(classes: frozenset[str], code: int, text: bytes | str) -> _Observation:
    reply = parse_reply(code, text)
    return _Observation(
        classes=classes,
        code=code,
        enhanced=reply.enhanced,
        text=_flat(f"{reply.enhanced} {reply.text}"),
    )


def _from_text(text: str) -> _Observation:
    code = _CODE_IN_TEXT.search(text)
    enhanced = _ENHANCED_IN_TEXT.search(text)
    names = {base for name in _CLASS_IN_TEXT.findall(text) for base in _bases(name)}
    return _Observation(
        classes=frozenset(names),
        code=int(code[1]) if code else None,
        enhanced=enhanced[1] if enhanced else "",
        text=_flat(text),
    )


def _bases(name: str) -> set[str]:
    for module in (smtplib, ssl, socket, builtins):
        found = getattr(module, name, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return {cls.__name__ for cls in found.__mro__}
    return {name}


def _flat(text: str) -> str:
    return " ".join(text.split())


# --- Whether a row fits ----------------------------------------------------------------------


def _fits(row: Failure, seen: _Observation, server: ServerSettings) -> bool:
    return (
        _class_fits(row, seen)
        and (not row.codes or seen.code in row.codes)
        and (row.enhanced is None or row.enhanced.fullmatch(seen.enhanced) is not None)
        and (row.text is None or row.text.search(seen.text) is not None)
        and (row.host is None or row.host.search(server.host or "") is not None)
        and all(CONDITIONS[name](server) for name in row.when)
    )


def _class_fits(row: Failure, seen: _Observation) -> bool:
    """A pasted text may name no class; then the row's own words have to be in it."""
    if not row.exceptions:
        return True
    if not seen.classes:
        return bool(row.enhanced or row.text)
    return not seen.classes.isdisjoint(row.exceptions)


def _host(server: ServerSettings) -> str:
    return server.host or ""


def _is_text_for_no(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in (
        "false",
        "0",
        "no",
        "off",
        "none",
    )


CONDITIONS: Mapping[str, Callable[[ServerSettings], bool]] = {
    "host_has_scheme": lambda server: "://" in _host(server),
    "host_has_port": lambda server: bool(re.fullmatch(r"[^:/\s]+:\d*", _host(server))),
    "host_has_space": lambda server: bool(re.search(r"\s", _host(server))),
    "host_is_local": lambda server: (
        is_loopback(_host(server)) or _host(server) == "0.0.0.0"  # noqa: S104 (compared, not bound)
    ),
    "implicit_tls_port_without_ssl": lambda server: (
        server.port in IMPLICIT_TLS_PORTS and not server.use_ssl
    ),
    "no_encryption": lambda server: (
        server.host is not None and not server.use_tls and not server.use_ssl
    ),
    "use_tls_is_text_for_no": lambda server: _is_text_for_no(server.use_tls),
    "password_missing": lambda server: bool(server.username) and not server.password,
    "password_has_space": lambda server: bool(re.search(r"\s", server.password or "")),
    "client_certificate": lambda server: bool(
        server.ssl_certfile or server.ssl_keyfile
    ),
}
"""What a row may ask of the configured server."""
