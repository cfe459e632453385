"""Connections of the SMTP backend, which outlive it: Django builds a backend for every send."""

from __future__ import annotations

import copy
import smtplib
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.mail.backends import smtp
from django.core.mail.utils import DNS_NAME
from django.utils.module_loading import import_string

from django_mailplus.delivery import mark_unsent
from django_mailplus.smtp.auth import Tokens
from django_mailplus.smtp.connection import DEFAULT_TIMEOUT, SMTP, SMTP_SSL
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.opening import ConnectionOptions, connect
from django_mailplus.smtp.options import without_credentials
from django_mailplus.smtp.pool import Pool
from django_mailplus.smtp.registry import pool_of
from django_mailplus.smtp.sending import Leased

__all__ = ["PooledBackend"]

_LIMITS = Limits()


class PooledBackend(smtp.EmailBackend):
    """`open()` leases a connection from the process's pool, `close()` gives it back."""

    def __init__(
        self,
        *args: Any,
        alias: str | None = None,
        pool_size: int = _LIMITS.size,
        pool_timeout: float | None = _LIMITS.timeout,
        pool_idle: float | None = _LIMITS.idle,
        pool_lifetime: float | None = _LIMITS.lifetime,
        pool_messages: int | None = _LIMITS.messages,
        concurrency: int = 1,
        token: Callable[..., Any] | str | None = None,
        **options: Any,
    ) -> None:
        # Naming the alias, even None, keeps Django 6.1 from warning about our call.
        super().__init__(*args, alias=alias, **options)
        self.alias = alias
        self.concurrency = concurrency
        self.pool_size = pool_size
        self.token = token
        self._limits = Limits(
            size=max(pool_size, concurrency, 1),
            timeout=pool_timeout,
            idle=pool_idle,
            lifetime=pool_lifetime,
            messages=pool_messages,
        )
        self._lease: Leased | None = None

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP

    @property
    def pool(self) -> Pool[SMTP | SMTP_SSL] | None:
        """What this process keeps open for the mailer: look at its `repr` and `stats`.

        None with `pool_size=0`, and for a `connection_class` of your own.
        """
        if not self.pool_size or not self._connects_itself:
            return None
        values = (self.host, self.port, self.username, self.password, self.timeout)
        tls = (self.use_tls, self.use_ssl, self.ssl_keyfile, self.ssl_certfile)
        key = (type(self), self.alias, *values, *tls, self.token)
        return pool_of(key, self._connector(), self._limits, name=self._name)

    @property
    def _connects_itself(self) -> bool:
        return type(self).connection_class is PooledBackend.connection_class

    @property
    def _name(self) -> str:
        where = f"MAILERS[{self.alias!r}]" if self.alias else "EMAIL_BACKEND"
        return f"{where} {without_credentials(str(self.host))}:{self.port}"

    def _connector(self) -> Callable[[], SMTP | SMTP_SSL]:
        """Opens sessions for longer than this backend lives, with one TLS context."""
        backend = copy.copy(self)
        backend.connection = backend._lease = None
        token = self.token
        tokens = (
            Tokens(import_string(token) if isinstance(token, str) else token)
            if token
            else None
        )
        return partial(_open_session, backend, tokens)

    def open(self) -> bool | None:
        if self.connection:
            return False
        try:
            if not self._connects_itself:
                return super().open()
            if (pool := self.pool) is not None:
                self._lease = pool.lease()
                self.connection = self._lease.session
            else:
                self.connection = self._connector()()
        except Exception as error:  # also a host or a password that Python cannot write
            mark_unsent(error)
            if self.fail_silently and isinstance(error, OSError):
                return None
            raise
        return True

    def close(self) -> None:
        """Give the connection back to the pool; without a pool, take leave of it."""
        lease, self._lease = self._lease, None
        if lease is not None:
            connection, self.connection = self.connection, None
            lease.release(reusable=getattr(connection, "sock", None) is not None)
        super().close()

    def _close_connection(self, connection: smtplib.SMTP) -> None:
        try:
            super()._close_connection(connection)  # type: ignore[misc]  # private to Django
        except smtplib.SMTPException:
            # What QUIT is answered changes nothing that was sent.
            connection.close()


def _open_session(backend: PooledBackend, tokens: Tokens | None) -> SMTP | SMTP_SSL:
    encrypted = backend.use_tls or backend.use_ssl
    return connect(
        ConnectionOptions(
            host=backend.host,
            port=backend.port or 0,
            username=str(backend.username or ""),
            password=str(backend.password or ""),
            token=tokens,
            use_tls=bool(backend.use_tls),
            use_ssl=bool(backend.use_ssl),
            context=backend.ssl_context if encrypted else None,
            timeout=DEFAULT_TIMEOUT if backend.timeout is None else backend.timeout,
            local_hostname=DNS_NAME.get_fqdn(),
        )
    )
