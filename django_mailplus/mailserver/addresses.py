"""Where to listen, with each way it can fail as one clear line."""

from __future__ import annotations

import errno
import os
import re
import socket

from django_mailplus.exceptions import MailplusError

__all__ = [
    "DEFAULT_HOST",
    "CannotListenError",
    "format_address",
    "listen",
    "parse_address",
]

DEFAULT_HOST = "127.0.0.1"
_EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 (only when it is asked for)

_ADDRESS = re.compile(
    r"(?:(?:\[(?P<ipv6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[\w.-]+)):)?(?P<port>[0-9]{1,5})"
)
_HIGHEST_PORT = 65535


class CannotListenError(MailplusError):
    """The address cannot be listened on; the text says why and what to do."""


def parse_address(text: str) -> tuple[str, int]:
    """The host and port of `8025`, `host:port` or `[::1]:8025`; ValueError for others."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or int(found["port"]) > _HIGHEST_PORT:
        raise ValueError(
            f"{text!r} is not an address to listen on. Write a port up to {_HIGHEST_PORT}, "
            "host:port or [IPv6]:port, such as 8025, 127.0.0.1:8025 or [::1]:8025."
        )
    host = found["ipv6"] or found["host"] or DEFAULT_HOST
    # runserver takes 0 for every interface, so people type it here too.
    return _EVERY_INTERFACE if host == "0" else host, int(found["port"])


def format_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 means any free port. Raises CannotListenError.

    A name with several addresses is listened on at its first IPv4 one, as clients
    of a name try them all.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise CannotListenError(
            f"The host {host!r} cannot be resolved. Use 127.0.0.1 for this machine alone, "
            "or 0.0.0.0 to listen on every network interface."
        ) from None
    family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        raise CannotListenError(_explain(error, host, port)) from None


def _explain(error: OSError, host: str, port: int) -> str:
    where = format_address(host, port)
    another = port + 1 if 1024 <= port < _HIGHEST_PORT else 8025
    reasons = {
        errno.EADDRINUSE: (
            f"{where} is already in use, perhaps by another runmailserver or another mail "
            f"catcher. Stop that program, or use another port, such as {another}."
        ),
        errno.EACCES: (
            f"{where} may not be opened: ports below 1024 usually need administrator rights. "
            f"Use a higher port, such as {another}."
        ),
        errno.EADDRNOTAVAIL: (
            f"{host} is not an address of this machine. Use 127.0.0.1 for this machine alone, "
            "or 0.0.0.0 to listen on every network interface."
        ),
        errno.EAFNOSUPPORT: (
            f"This machine cannot listen on {where}: its network knows no such kind of "
            "address. Use 127.0.0.1."
        ),
    }
    otherwise = f"Cannot listen on {where}: {os.strerror(error.errno or 0)}."
    return reasons.get(error.errno or 0, otherwise)
