"""MAILERS from environment variables: one URL per mailer, read through django-environ.

A password comes by here, so no error may quote a value: errors name the variable and
what is wrong, and are raised where no other exception is being handled, so that none
hangs on as their context.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import punycode

from django_mailplus.exceptions import MissingExtraError

__all__ = ["mailers_from_env"]

_SMTP = "django_mailplus.backends.smtp.EmailBackend"
_CONSOLE = "django.core.mail.backends.console.EmailBackend"
_FILE = "django.core.mail.backends.filebased.EmailBackend"
_LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
_DUMMY = "django.core.mail.backends.dummy.EmailBackend"

_SCHEMES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "smtp+tls": (_SMTP, {"use_tls": True}),
    "smtp+ssl": (_SMTP, {"use_ssl": True}),
    "smtp": (_SMTP, {}),
    "file": (_FILE, {}),
    "console": (_CONSOLE, {}),
    "locmem": (_LOCMEM, {}),
    "dummy": (_DUMMY, {}),
    # What django-environ calls the same things, so that an EMAIL_URL stays valid.
    "smtps": (_SMTP, {"use_tls": True}),
    "filemail": (_FILE, {}),
    "consolemail": (_CONSOLE, {}),
    "memorymail": (_LOCMEM, {}),
    "dummymail": (_DUMMY, {}),
}
_FORMS = (
    "Known forms: smtp+tls://user:password@host:587 (STARTTLS), "
    "smtp+ssl://user:password@host:465 (TLS from the start), smtp://host:25 (no TLS), "
    "file:///directory, console://, locmem://, dummy://, "
    "dotted.path.EmailBackend://?option=value."
)
_PERCENT = (
    "A reserved character inside a user name, password or value is written as its "
    "percent code: '@' %40, ':' %3A, '/' %2F, '?' %3F, '#' %23, '&' %26, '%' %25."
)

_DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_IMPLICIT_TLS_PORT = 465
_MAX_PORT = 65_535


class _UrlError(Exception):
    """What is wrong with a URL, in words that quote nothing of it."""


def mailers_from_env(
    env: Any = None, *, default: str | None = None
) -> dict[str, dict[str, Any]]:
    """The MAILERS setting from the variables `MAILERS_<ALIAS>_URL` and `EMAIL_URL`.

    `env` is an `environ.Env`; None means one that reads `os.environ`. The alias is the
    middle part in lower case; `EMAIL_URL` stands for `MAILERS_DEFAULT_URL`. `default` is
    the URL of the mailer "default" when no variable gives one.

    Raises `ImproperlyConfigured` naming the variable, never its value, and
    `MissingExtraError` without django-environ.
    """
    env = _environment(env)
    urls = _urls(env)
    mailers = {alias: _mailer(name, url) for alias, (name, url) in urls.items()}
    if "default" not in mailers and default is not None:
        mailers["default"] = _mailer("mailers_from_env(default=...)", default)
    if not mailers:
        raise ImproperlyConfigured(_nothing_found(env))
    return mailers


# --- Variables -------------------------------------------------------------------------


def _environment(env: Any) -> Any:
    if env is None:
        try:
            import environ
        except ImportError:
            raise MissingExtraError("mailers_from_env()", extra="env") from None
        return environ.Env()
    if not (hasattr(env, "ENVIRON") and hasattr(env, "get_value")):
        raise TypeError(
            f"mailers_from_env() takes an environ.Env instance or nothing, not {type(env).__name__}."
        )
    return env


def _urls(env: Any) -> dict[str, tuple[str, str]]:
    """Alias to (name of the variable, URL)."""
    pattern = re.compile(
        rf"{re.escape(env.prefix)}(?:MAILERS_(\w+)_URL|EMAIL_URL)", re.ASCII
    )
    present, declared = set(env.ENVIRON), set(env.scheme)
    found: dict[str, tuple[str, str]] = {}
    # Sorted, so that what an error says does not hang on the order of the environment.
    for name in sorted(present | declared):
        match = pattern.fullmatch(name)
        if match is None:
            continue
        url = _value(env, name, required=name in present)
        if url is None:
            continue
        alias = (match[1] or "default").lower()
        earlier, same = found.get(alias, (name, url))
        if same != url:
            raise ImproperlyConfigured(
                f"{earlier} and {name} both configure the mailer {alias!r}, with different "
                "values. Unset one of them."
            )
        found[alias] = (name, url)
    return found


def _value(env: Any, name: str, *, required: bool) -> str | None:
    """The value of a variable; None if it is only declared, as in Env(EMAIL_URL=str)."""
    value = None
    try:
        value = env.get_value(name.removeprefix(env.prefix), cast=str)
    except Exception:
        # Not chained: its text may hold the value, as when a "$secret" names no variable.
        failed = True
    else:
        failed = False
    if failed and required:
        raise ImproperlyConfigured(
            f"{name} could not be read. Its value starts with '$' but names no variable that "
            f"is set, or {name}_FILE names no readable file."
        )
    return value.strip() if isinstance(value, str) else None


def _nothing_found(env: Any) -> str:
    similar = sorted(
        name for name in env.ENVIRON if re.match(r"(?i)(MAILER|EMAIL_)", name)
    )
    return (
        f"No mailer is configured: set {env.prefix}MAILERS_DEFAULT_URL (or {env.prefix}EMAIL_URL), "
        'or give mailers_from_env() a default such as default="console://". '
        + (f"Set, but not read: {', '.join(similar)}. " if similar else "")
        + _FORMS
    )


# --- One URL ---------------------------------------------------------------------------


def _mailer(name: str, url: str) -> dict[str, Any]:
    try:
        return _parse(url)
    except _UrlError as error:
        mistake = str(error)
    raise ImproperlyConfigured(f"{name}: {mistake}")


def _parse(url: str) -> dict[str, Any]:
    if not url:
        raise _UrlError(
            f"the value is empty. Unset the variable, or give it a URL. {_FORMS}"
        )
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in url):
        raise _UrlError("the value contains a line break or another control character.")
    scheme, separator, rest = url.partition("://")
    known = scheme.lower() in _SCHEMES
    if not separator or not (known or _DOTTED_PATH.fullmatch(scheme)):
        # The scheme itself is not quoted: in "secret@host://x" it is not one.
        raise _UrlError(f"the value does not start with a known scheme. {_FORMS}")
    backend, flags = _SCHEMES[scheme.lower()] if known else (scheme, {})
    if "#" in rest:
        raise _UrlError(f"the value contains a '#'. {_PERCENT}")
    before_query, _, query = rest.partition("?")
    authority, _, path = before_query.partition("/")
    options = _options(query, of_smtp=backend == _SMTP)
    if backend == _FILE:
        given = {"file_path": _directory(scheme.lower(), authority, path)}
    elif backend in (_CONSOLE, _LOCMEM, _DUMMY) and authority + path:
        raise _UrlError(f"nothing but options belongs after {scheme.lower()}://")
    elif path:
        raise _UrlError(
            f"there is a path after the host, which has no meaning here. {_PERCENT}"
        )
    else:
        given = _server(authority, needed=backend == _SMTP and "host" not in options)
    return {
        "BACKEND": backend,
        "OPTIONS": _merged(scheme.lower(), given, flags, options),
    }


def _merged(
    scheme: str, given: dict[str, Any], flags: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    if twice := sorted(given.keys() & options.keys()):
        raise _UrlError(
            f"{twice[0]} is given twice, before the '?' and as an option after it. Remove one."
        )
    merged = given | flags | options
    if any(not merged[flag] for flag in flags) or (
        merged.get("use_tls") and merged.get("use_ssl")
    ):
        raise _UrlError(
            f"the scheme {scheme}:// contradicts the option use_tls or use_ssl. Leave the option "
            "out and choose smtp+tls:// (STARTTLS), smtp+ssl:// (TLS from the start) or smtp://."
        )
    if scheme == "smtps" and merged.get("port") == _IMPLICIT_TLS_PORT:
        raise _UrlError(
            "smtps:// means STARTTLS, as in django-environ, but port 465 expects TLS from the "
            "start. Write smtp+ssl:// with port 465, or smtp+tls:// with port 587."
        )
    return merged


def _server(authority: str, *, needed: bool) -> dict[str, Any]:
    """host, port, username and password, as far as they are given."""
    user_info, at, address = authority.rpartition("@")
    username, colon, password = user_info.partition(":")
    if address.startswith("["):  # IPv6
        host, _, port = address[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = address.partition(":")
    host = _host(_decoded("host", host))
    if needed and not host:
        raise _UrlError(f"there is no host. {_FORMS}")
    options: dict[str, Any] = {"host": host} if host else {}
    if port:
        options["port"] = _port(port)
    if at:
        options["username"] = _decoded("user name", username)
    if colon:
        options["password"] = _decoded("password", password)
    return options


def _host(host: str) -> str:
    try:
        # Only what is needed: Python's IDNA codec also refuses valid ASCII names.
        ascii_host = host if host.isascii() else punycode(host)
    except UnicodeError:
        ascii_host = " "
    if re.search(r"[^\w.:%-]", ascii_host, re.ASCII):
        raise _UrlError(f"the host is not a valid host name or IP address. {_PERCENT}")
    return ascii_host


def _directory(scheme: str, authority: str, path: str) -> str:
    if authority:
        raise _UrlError(
            f"{scheme}:// is followed by a host. A directory takes three slashes: "
            "file:///var/mail, or file:///C:/mail on Windows."
        )
    path = _decoded("directory", path)
    if not path:
        raise _UrlError("there is no directory. Write file:///var/mail")
    # django-environ drops the first slash of filemail:///path; "C:/" has none to begin with.
    absolute = scheme == "file" and not re.match(r"[A-Za-z]:/", path)
    return "/" + path.lstrip("/") if absolute else path


def _decoded(what: str, text: str) -> str:
    """Percent-decoded; a '+' stays a '+', since none of this is form data."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise _UrlError(f"the {what} has percent codes that are not UTF-8.")


# --- Options after the question mark -----------------------------------------------------


def _options(query: str, *, of_smtp: bool) -> dict[str, Any]:
    """Typed options. One that is given several times becomes a list, as for `using`."""
    values: dict[str, list[Any]] = {}
    for item in filter(None, query.split("&")):
        name, equals, value = item.partition("=")
        name = _decoded("name of an option", name)
        if of_smtp:  # django-environ upper-cases names and knows EMAIL_USE_TLS
            name = name.lower().removeprefix("email_")
        if not equals or not name.isidentifier() or (of_smtp and "@" in value):
            raise _UrlError(
                f"what follows the '?' is not a list of option=value. {_PERCENT}"
            )
        values.setdefault(name, []).append(
            _typed(name, _decoded("value of an option", value))
        )
    if twice := [name for name in values if name in _TYPES and len(values[name]) > 1]:
        raise _UrlError(f"the option {twice[0]} is given more than once.")
    return {
        name: given if len(given) > 1 else given[0] for name, given in values.items()
    }


def _typed(name: str, value: str) -> Any:
    """By the option's type where we know it, otherwise by what the value looks like.

    An unknown option becomes a bool for true/false and an int for a plain whole number;
    everything else stays text, and so does whatever is named like a credential.
    """
    if name in _TYPES:
        return _TYPES[name](name, value)
    if re.search(r"(key|token|secret|password|user|username|id|path|using)$", name):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    return int(value) if re.fullmatch(r"0|-?[1-9]\d{0,17}", value, re.ASCII) else value


def _text(name: str, value: str) -> str:
    return value


def _bool(name: str, value: str) -> bool:
    lowered = value.strip().lower()
    if lowered in ("true", "1", "yes", "y", "on", "ok"):
        return True
    if lowered in ("false", "0", "no", "n", "off"):
        return False
    raise _UrlError(f"the option {name} must be true or false.")


def _seconds(name: str, value: str) -> float | None:
    if value.strip().lower() in ("none", ""):
        return None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII) or not float(value):
        raise _UrlError(
            f"the option {name} must be a number of seconds above 0, or none."
        )
    return float(value) if "." in value else int(value)


def _port(value: str) -> int:
    if re.fullmatch(r"\d{1,5}", value, re.ASCII) and 1 <= int(value) <= _MAX_PORT:
        return int(value)
    raise _UrlError(f"the port is not a number from 1 to {_MAX_PORT}. {_PERCENT}")


_TYPES: Mapping[str, Callable[[str, str], Any]] = {
    "host": _text,
    "port": lambda name, value: _port(value),
    "username": _text,
    "password": _text,
    "use_tls": _bool,
    "use_ssl": _bool,
    "fail_silently": _bool,
    "timeout": _seconds,
    "pool_timeout": _seconds,
    "pool_idle": _seconds,
    "pool_lifetime": _seconds,
    "ssl_keyfile": _text,
    "ssl_certfile": _text,
    "file_path": _text,
}
