"""The development server as one object: it listens in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from django_mailplus.mailserver.addresses import DEFAULT_HOST, format_address, listen
from django_mailplus.mailserver.protocol import (
    Answers,
    Conversation,
    QuietThread,
    conversation_class,
)
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.refusals import FailRules
from django_mailplus.smtp.certificates import make_certificate, server_context

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

__all__ = ["MailServer"]

SIZE_LIMIT = 2**26  # octets, 64 MiB; twice what large providers take
_CLOSING_TIME = 5.0  # seconds for open connections to end once they were told to


def _ignore(_event: str) -> None:
    """Nobody wants to know."""


class MailServer:
    """Takes every mail on `host:port` and gives it to `on_message`, one after the other.

    Port 0 means any free port; `port` holds the real one once it runs.
    `on_message` is called in the server's thread; while it runs nothing else is served,
    and if it raises, the client is told that the mail was not kept. `on_refused` gets one
    line on each refusal. With `username` and `password` clients must log in; that works
    without TLS too, so listen on this machine alone. `starttls` offers TLS with a new
    certificate, which `certificate` holds as PEM once it runs. `fail` maps addresses to
    the codes they are refused with (see `FailRules`).
    """

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = 0,
        *,
        on_message: Callable[[ReceivedMail], None],
        on_refused: Callable[[str], None] = _ignore,
        username: str | None = None,
        password: str | None = None,
        starttls: bool = False,
        fail: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        if bool(username) != bool(password):
            raise ValueError("Give both username and password, or neither.")
        self.host = host
        self.port = port
        self.starttls = starttls
        self.username = username or None
        self.fail = dict(fail)
        self.received = 0
        self.certificate: bytes | None = None
        self._on_message = on_message
        self._answers = Answers(
            keep=self._keep,
            fail=FailRules(self.fail),
            refused=on_refused,
            username=self.username,
            password=password or None,
        )
        self._connections: set[Conversation] = set()
        self._thread: threading.Thread | None = None
        # New ones for each run, see start().
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    @property
    def address(self) -> str:
        return format_address(self.host, self.port)

    def __repr__(self) -> str:
        state = "running" if self._thread else "stopped"
        return f"<{type(self).__name__} {self.address} {state}>"

    def start(self) -> None:
        """Listen. Raises CannotListenError or MissingExtraError; nothing runs then."""
        if self._thread is not None:
            raise RuntimeError(f"The mail server on {self.address} is running already.")
        protocol = conversation_class()
        tls = self._prepare_tls() if self.starttls else None
        listener = listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        started: Future[None] = Future()
        # Made here, not in the thread, so that stop() can speak to it from the first moment.
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(listener, protocol, tls, started),
            name=f"mailserver-{self.port}",
            daemon=True,
        )
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening and drop open connections. Harmless when it is not running."""
        if self._thread is None:
            return
        with suppress(RuntimeError):  # the loop is closed: the thread ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _prepare_tls(self) -> ssl.SSLContext:
        certificate = make_certificate(self.host)
        self.certificate = certificate.public
        return server_context(certificate)

    def _run(
        self,
        listener: socket.socket,
        protocol: type[Conversation],
        tls: ssl.SSLContext | None,
        started: Future[None],
    ) -> None:
        quiet = QuietThread()
        aiosmtpd_logger = logging.getLogger("mail.log")
        aiosmtpd_logger.addFilter(quiet)
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(listener, protocol, tls, started))
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)
        finally:
            listener.close()
            aiosmtpd_logger.removeFilter(quiet)

    async def _serve(
        self,
        listener: socket.socket,
        protocol: type[Conversation],
        tls: ssl.SSLContext | None,
        started: Future[None],
    ) -> None:
        def converse() -> Conversation:
            return protocol(
                self._answers,
                connections=self._connections,
                loop=self._loop,
                hostname="localhost",  # else aiosmtpd asks the DNS for this machine's name
                ident="django-mailplus development server",
                data_size_limit=SIZE_LIMIT,
                enable_SMTPUTF8=True,
                tls_context=tls,
                auth_require_tls=False,
                authenticator=self._answers.authenticate,
            )

        server = await self._loop.create_server(converse, sock=listener)
        started.set_result(None)
        await self._stop.wait()
        server.close()
        await self._drop_connections()

    async def _drop_connections(self) -> None:
        for conversation in list(self._connections):
            if isinstance(conversation.transport, asyncio.WriteTransport):
                # Raised by asyncio before Python 3.11.3 where TLS has just ended.
                with contextlib.suppress(AttributeError):
                    conversation.transport.abort()
        # Each leaves the set as its transport closes; asyncio warns of those still open.
        async with asyncio.timeout(_CLOSING_TIME):
            while self._connections:
                await asyncio.sleep(0)

    def _keep(self, session: Session, envelope: Envelope) -> int:
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101 (aiosmtpd decodes only when asked to)
        number = self.received + 1
        self._on_message(
            ReceivedMail(
                number=number,
                received_at=datetime.now(tz=UTC),
                mail_from=envelope.mail_from or "",
                rcpt_to=tuple(envelope.rcpt_tos),
                raw=content,
                peer=format_address(*_peer(session)),
                username=self.username if session.authenticated else None,
                tls=session.ssl is not None,
            )
        )
        self.received = number
        return number


def _peer(session: Session) -> tuple[str, int]:
    peer: Any = session.peer  # aiosmtpd annotates it as text; on TCP it is a tuple
    return str(peer[0]), int(peer[1])
