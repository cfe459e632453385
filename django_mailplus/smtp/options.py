"""Mistakes in the options of an SMTP connection that show before connecting."""

from __future__ import annotations

import importlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "IMPLICIT_TLS_PORTS",
    "Mistake",
    "find_mistakes",
    "is_loopback",
    "without_credentials",
]

Label = Callable[[str], str]
"""From the name of an option to where the project wrote it."""

IMPLICIT_TLS_PORTS = (465, 2465, 8465)  # RFC 8314; the others are providers' twins
_STARTTLS_PORTS = (25, 587, 2525, 2587)
_LONGEST_TIMEOUT = 1e9  # seconds; sockets refuse what does not fit 64 bits of ns
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    id: str
    severity: Literal["error", "warning"]
    text: str
    hint: str


def without_credentials(host: str) -> str:
    """The host for a text, when somebody put a whole URL there, password and all."""
    return re.sub(r"^(.*://)?.*@", r"\1****@", host)


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") in {"localhost", "localhost.localdomain"}


def find_mistakes(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    """Everything wrong with the options; never shows a password."""
    for look in (
        _flags,
        _host,
        _port,
        _timeout,
        _ports_and_tls,
        _credentials,
        _credential_texts,
        _password,
        _pool,
        _token,
    ):
        yield from look(options, label)


def _flags(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    for name in ("use_tls", "use_ssl"):
        if isinstance(options.get(name), str):
            yield Mistake(
                id="mailplus.E010",
                severity="error",
                text=f"{label(name)} is the text {options[name]!r}; any text but the "
                "empty one counts as true, even 'False'.",
                hint="Write True or False without quotes; from the environment, read it "
                "with env.bool() or with mailers_from_env().",
            )
    if options.get("use_tls") and options.get("use_ssl"):
        yield Mistake(
            id="mailplus.E011",
            severity="error",
            text=f"{label('use_tls')} and {label('use_ssl')} exclude each other.",
            hint="Keep use_tls for port 587, or use_ssl for port 465.",
        )


def _host(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    host = options.get("host")
    if host is None:
        return  # the backend says whether it needs one
    if not isinstance(host, str):
        yield Mistake(
            id="mailplus.E012",
            severity="error",
            text=f"{label('host')} is a {type(host).__name__}; it takes the name of a server.",
            hint="Write a name such as 'smtp.example.com'.",
        )
        return
    if not host:
        # A warning, for a process that sends no mail must start, such as `migrate`.
        yield Mistake(
            id="mailplus.W016",
            severity="warning",
            text=f"{label('host')} is empty: there is no server to connect to.",
            hint="Write a name such as 'smtp.example.com'; an empty value often comes "
            "from an environment variable that is not set.",
        )
        return
    bare = host.strip()
    without_scheme = bare.split("://")[-1]
    name, colon, _ = without_scheme.rpartition(":")
    has_port = bool(colon) and (":" not in name or name.endswith("]"))
    strange = "@" in host or any(c.isspace() or not c.isprintable() for c in host)
    if strange or "://" in bare or has_port or "/" in without_scheme:
        yield Mistake(
            id="mailplus.E012",
            severity="error",
            text=f"{label('host')} is {without_credentials(host)!r}; it takes the bare name of a server, "
            "without scheme, login, port, path or white space.",
            hint="Write a name such as 'smtp.example.com', and the port in "
            f"{label('port')}.",
        )
    if bare.lower() == "smtp.google.com":
        yield Mistake(
            id="mailplus.W012",
            severity="warning",
            text=f"{label('host')} is smtp.google.com, which takes mail for Google's own "
            "users and lets nobody log in.",
            hint="Gmail and Workspace accounts send through 'smtp.gmail.com'.",
        )


def _port(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    port = options.get("port")
    if port is None:
        return
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        yield Mistake(
            id="mailplus.E013",
            severity="error",
            text=f"{label('port')} is {port!r}; it takes a whole number from 1 to 65535.",
            hint="Write it without quotes; from the environment, read it with env.int() "
            "or leave it out: 587 with use_tls, 465 with use_ssl, else 25.",
        )


def _timeout(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    timeout = options.get("timeout")
    if timeout is None:
        return
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or not 0 < timeout < _LONGEST_TIMEOUT  # false for NaN, too
    ):
        yield Mistake(
            id="mailplus.E015",
            severity="error",
            text=f"{label('timeout')} is {timeout!r}; it takes seconds, a number above 0.",
            hint="Write it without quotes; from the environment, read it with env.float() "
            "or with mailers_from_env().",
        )


def _ports_and_tls(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    port = options.get("port")
    use_tls, use_ssl = bool(options.get("use_tls")), bool(options.get("use_ssl"))
    if port in IMPLICIT_TLS_PORTS and not use_ssl:
        yield Mistake(
            id="mailplus.W010",
            severity="warning",
            text=f"{label('port')} is {port}, where TLS starts at once, but "
            f"{label('use_ssl')} is not set: the connection would hang until the timeout.",
            hint=f"Set {label('use_ssl')} = True"
            + (f" and remove {label('use_tls')}." if use_tls else "."),
        )
    if port in _STARTTLS_PORTS and use_ssl:
        yield Mistake(
            id="mailplus.W010",
            severity="warning",
            text=f"{label('port')} is {port}, where TLS starts later (STARTTLS), but "
            f"{label('use_ssl')} is set: the handshake would fail.",
            hint=f"Set {label('use_tls')} = True instead of use_ssl, or use port 465.",
        )


def _credentials(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    username, password = options.get("username"), options.get("password")
    for given, missing in (("username", "password"), ("password", "username")):
        if options.get("token"):
            break  # see E018
        if options.get(given) and not options.get(missing):
            yield Mistake(
                id="mailplus.W011",
                severity="warning",
                text=f"{label(given)} is set but {label(missing)} is not: Django then does "
                "not log in at all, and most servers refuse the mail.",
                hint=f"Set {label(missing)}, or clear {label(given)} for a server "
                "without log-in.",
            )
    plain = not options.get("use_tls") and not options.get("use_ssl")
    host = options.get("host")
    if (
        username
        and password
        and plain
        and isinstance(host, str)
        and not is_loopback(host.strip())
    ):
        yield Mistake(
            id="mailplus.W013",
            severity="warning",
            text=f"{label('password')} would go to {host.strip()!r} unencrypted.",
            hint=f"Set {label('use_tls')} = True (port 587) or {label('use_ssl')} = True "
            "(port 465).",
        )


def _credential_texts(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    """smtplib writes bytes as "b'...'", and can log in with ASCII only."""
    for name in ("username", "password"):
        value = options.get(name)
        if not value:
            continue
        if not hasattr(value, "encode"):  # a lazy string has it
            problem = f"is a {type(value).__name__}; it takes text"
            hint = "Write it as text, in quotes."
        elif (
            isinstance(value, str)
            and not value.isascii()
            and not (name == "password" and _NO_BREAK_SPACE in value)  # see E014
        ):
            problem = "has characters outside ASCII; Python cannot log in with them"
            hint = (
                "Ask the provider for one in ASCII, or type it again if it was copied."
            )
        else:
            continue
        yield Mistake(
            id="mailplus.E016",
            severity="error",
            text=f"{label(name)} {problem}.",
            hint=hint,
        )


def _password(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    password = options.get("password")
    if not isinstance(password, str):
        return
    if _NO_BREAK_SPACE in password:
        yield Mistake(
            id="mailplus.E014",
            severity="error",
            text=f"{label('password')} contains a no-break space, as copied from a web "
            "page; logging in with it fails.",
            hint="Type the password again; an app password has no spaces.",
        )
    elif password != password.strip() or any(c in password for c in "\t\r\n"):
        yield Mistake(
            id="mailplus.W014",
            severity="warning",
            text=f"{label('password')} starts or ends with white space, or contains a tab "
            "or line break.",
            hint="Remove it; a line break often comes from reading a file.",
        )
    elif _is_spaced_app_password(password, options.get("host")):
        yield Mistake(
            id="mailplus.W014",
            severity="warning",
            text=f"{label('password')} looks like a Google app password with its spaces.",
            hint="Google shows four groups for reading only: write the 16 letters "
            "without spaces.",
        )


def _pool(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    for name, (kinds, least, what) in _POOL_OPTIONS.items():
        value = options.get(name, _MISSING)
        if value is _MISSING or (value is None and name in _MAY_BE_NONE):
            continue
        right = isinstance(value, kinds) and not isinstance(value, bool)
        if not right or not value >= least:  # false for NaN
            yield Mistake(
                id="mailplus.E017",
                severity="error",
                text=f"{label(name)} is {value!r}; it takes {what}.",
                hint="Write a number without quotes, or leave the option out.",
            )


_MISSING = object()
_MAY_BE_NONE = {"pool_timeout", "pool_idle", "pool_lifetime", "pool_messages"}
_NUMBER = (int, float)
_POOL_OPTIONS: Mapping[str, tuple[Any, int, str]] = {
    "pool_size": (int, 0, "a whole number of connections, 0 for no pool"),
    "pool_timeout": (_NUMBER, 0, "seconds, a number, or None to wait without end"),
    "pool_idle": (_NUMBER, 0, "seconds, a number, or None for no limit"),
    "pool_lifetime": (_NUMBER, 0, "seconds, a number, or None for no limit"),
    "pool_messages": (int, 1, "a whole number of messages, or None for no limit"),
    "concurrency": (int, 1, "a whole number of connections, 1 or more"),
}


def _token(options: Mapping[str, Any], label: Label) -> Iterator[Mistake]:
    token = options.get("token")
    if not token:
        return
    if isinstance(token, str):
        try:
            module, _, name = token.rpartition(".")
            token = getattr(importlib.import_module(module), name)
        except Exception as error:
            # A module that fails may say anything, and a token given in the place of a
            # function is a secret.
            problem = f"cannot be imported ({type(error).__name__})"
        else:
            problem = "" if callable(token) else "names something that cannot be called"
    else:
        problem = "" if callable(token) else f"is a {type(token).__name__}"
    if not options.get("username"):
        problem = problem or f"needs {label('username')}, the address to log in with"
    if problem:
        yield Mistake(
            id="mailplus.E018",
            severity="error",
            text=f"{label('token')} {problem}.",
            hint="Give a function that returns an access token, or its dotted path such as "
            "'shop.mail.access_token', and the username.",
        )


def _is_spaced_app_password(password: str, host: Any) -> bool:
    google = isinstance(host, str) and host.strip().lower().endswith(
        ("smtp.gmail.com", "smtp.google.com", "smtp-relay.gmail.com")
    )
    letters = password.replace(" ", "")
    return google and " " in password and len(letters) == 16 and letters.isalpha()
