"""Connections of the SMTP backend, which outlive it: Django builds a backend for every send."""

from __future__ import annotations

import copy
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Self

from django.core.mail.backends import smtp
from django.core.mail.utils import DNS_NAME
from django.core.signals import request_finished, setting_changed
from django.utils.module_loading import import_string

from django_mailplus.delivery import mark_unsent
from django_mailplus.smtp.auth import Tokens
from django_mailplus.smtp.connection import DEFAULT_TIMEOUT, SMTP, SMTP_SSL
from django_mailplus.smtp.distrust import forget_distrust
from django_mailplus.smtp.limits import Limits
from django_mailplus.smtp.opening import ConnectionOptions, connect
from django_mailplus.smtp.options import without_credentials
from django_mailplus.smtp.pool import Pool, sweep
from django_mailplus.smtp.registry import close_all, pool_of
from django_mailplus.smtp.sending import Leased

__all__ = ["PooledBackend"]

_LIMITS = Limits()


class _Options(tuple[Any, ...]):
    """With the password, which no error page is to show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<options>"


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
        self._sending = False  # a batch is under way, and the connection is its own

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """With a certificate of our own we trust whom we trust without."""
        context: ssl.SSLContext = super().ssl_context
        if self.ssl_certfile or self.ssl_keyfile:
            context.load_default_certs()  # Django's trusts nobody then
        return context

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
        return self._lending_pool()

    def _lending_pool(self, *, least: int = 1) -> Pool[SMTP | SMTP_SSL]:
        """The pool, or one that keeps nothing; it lends so many at once, at least."""
        limits = replace(self._limits, size=max(self._limits.size, least))
        if not self.pool_size:
            limits = replace(limits, messages=0)
            return Pool(self._connector(), limits, name=self._name)
        return pool_of(self._options, self._connector(), limits, name=self._name)

    @property
    def _options(self) -> _Options:
        login = (self.username, self.password, self.token)
        tls = (self.use_tls, self.use_ssl, self.ssl_keyfile, self.ssl_certfile)
        server = (self.host, self.port, self.timeout)
        return _Options((type(self), self.alias, *server, *login, *tls))

    @property
    def _connects_itself(self) -> bool:
        return type(self).connection_class is PooledBackend.connection_class

    @property
    def _name(self) -> str:
        where = f"MAILERS[{self.alias!r}]" if self.alias else "EMAIL_BACKEND"
        return f"{where} {without_credentials(str(self.host))}:{self.port}"

    def _connector(self) -> Callable[[], SMTP | SMTP_SSL]:
        """Opens sessions for longer than this backend lives, with one TLS context."""
        backend = self._apart()
        token = self.token
        tokens = (
            Tokens(import_string(token) if isinstance(token, str) else token)
            if token
            else None
        )
        return partial(_open_session, backend, tokens)

    def _apart(self) -> Self:
        """The same mailer without its connection."""
        backend = copy.copy(self)
        backend.connection = backend._lease = None
        backend._lock = threading.RLock()
        backend._sending = False
        return backend

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._sending = True
        try:
            yield
        finally:
            self._sending = False

    def open(self) -> bool | None:
        with self._lock:
            if self._lease is not None and self._lease.lost:  # to our parent process
                self._lease = self.connection = None
            return False if self.connection else self._open()

    def _open(self) -> bool | None:
        try:
            if not self._connects_itself:
                return super().open()
            self._lease = self._lending_pool().lease()
            self.connection = self._lease.session
        except Exception as error:  # also a host or a password that Python cannot write
            mark_unsent(error)
            if self.fail_silently and isinstance(error, OSError):
                return None
            raise
        return True

    def close(self) -> None:
        """Give the connection back to the pool; one of another class is closed."""
        with self._lock:  # another thread waits until a batch is done
            if self._sending:  # asked by a receiver: the batch goes on
                return
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


def _sweep(**_: Any) -> None:
    """A process that mails seldom parts with its connections while it serves requests."""
    sweep()


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "MAILERS" or setting.startswith("EMAIL_"):
        close_all()
        forget_distrust()


request_finished.connect(_sweep)
setting_changed.connect(_forget)  # by a test that overrides settings
