"""From options to a session that is ready to send: TLS, EHLO and the login done."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django_mailplus.smtp.auth import Tokens
from django_mailplus.smtp.connection import DEFAULT_TIMEOUT, SMTP, SMTP_SSL
from django_mailplus.smtp.distrust import trusted
from django_mailplus.smtp.tracebacks import without_frames

__all__ = ["ConnectionOptions", "connect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """Where and how to connect; `timeout` in seconds, per wait for the server.

    `token`, a provider as `Tokens` describes it or a `Tokens` that is shared by all
    connections, goes before `password`. Without a `context` one is made for each
    connection, which reads the system's certificates anew.
    """

    host: str
    port: int = 0  # 465 with use_ssl, else 25, as in smtplib
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: Tokens | Callable[..., Any] | None = field(default=None, repr=False)
    use_tls: bool = False
    use_ssl: bool = False
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    context: ssl.SSLContext | None = field(default=None, repr=False)
    timeout: float = DEFAULT_TIMEOUT
    local_hostname: str | None = None

    def __post_init__(self) -> None:
        if self.use_tls and self.use_ssl:
            raise ValueError("use_tls and use_ssl exclude each other; set one of them.")


def connect(options: ConnectionOptions) -> SMTP | SMTP_SSL:
    """A session after EHLO, and after TLS and the login where they are asked for.

    Raises what smtplib and the ssl module raise; nothing is left open then.
    """
    session = _open(options)
    try:
        session.server = (options.host, options.port)
        session.pipelining = trusted(session.server)
        if options.use_tls:
            session.starttls(context=_context(options))
        session.ehlo_or_helo_if_needed()
        if options.token is not None:
            tokens = options.token
            tokens = tokens if isinstance(tokens, Tokens) else Tokens(tokens)
            session.login_with_token(options.username, tokens)
        elif options.username and options.password:
            session.login(options.username, options.password)
    except BaseException as error:
        session.close()
        without_frames(error)  # those of the login hold the password
        raise
    return session


def _open(options: ConnectionOptions) -> SMTP | SMTP_SSL:
    common: dict[str, Any] = {
        "timeout": options.timeout,
        "local_hostname": options.local_hostname,
    }
    if options.use_ssl:
        common["context"] = _context(options)
        return SMTP_SSL(options.host, options.port, **common)
    return SMTP(options.host, options.port, **common)


def _context(options: ConnectionOptions) -> ssl.SSLContext:
    if options.context is not None:
        return options.context
    context = ssl.create_default_context()
    if options.ssl_certfile:
        context.load_cert_chain(options.ssl_certfile, options.ssl_keyfile)
    return context
