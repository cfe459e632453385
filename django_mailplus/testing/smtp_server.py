"""A real mail server for tests, on a port of its own, which can be told to fail.

Our own, and not one on aiosmtpd as `runmailserver` is: that cannot drop a connection amid
the content or greet wrongly, and it needs an extra.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from django_mailplus.smtp.certificates import make_certificate, server_context
from django_mailplus.testing.behaviour import Behaviour
from django_mailplus.testing.conversation import Conversation

__all__ = ["SmtpServer"]

_CLOSING_TIME = 5.0  # seconds for the connections to end
_TRUST = "SSL_CERT_FILE"  # what Python's ssl and OpenSSL read


class SmtpServer(Behaviour):
    """Takes every mail, until it is told otherwise; a context manager.

    `messages` are the mails it took, `transcript` is what was said, a line each ("C: " the
    client, "S: " the server; no passwords and no contents). `mailer` is an entry of
    MAILERS that sends to it.

    Steps are "connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body" (amid
    the content), "content" (after it) and "quit". Where two faults are meant, the one that
    was set last counts. An `address` may have stars: at "rcpt" it is the recipient, at
    "mail", "body" and "content" the sender.
    """

    def __init__(self) -> None:
        super().__init__()
        self._undo = ExitStack()
        self.host, self.port = "127.0.0.1", 0

    def __repr__(self) -> str:
        return f"<SmtpServer {self.host}:{self.port}, {len(self.messages)} messages>"

    def __enter__(self) -> Self:
        self._conversations: list[Conversation] = []
        self._threads: list[threading.Thread] = []
        self.stopped.clear()
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stopped.set()
        # Wakes accept(), which close() alone does not on every system.
        with suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=1).close()
        self._threads[0].join(_CLOSING_TIME)
        for conversation in self._conversations:
            conversation.abort()
        for thread in self._threads[1:]:
            thread.join(_CLOSING_TIME)
        self._listener.close()
        self._undo.close()

    @property
    def mailer(self) -> dict[str, Any]:
        options: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.tls is not None:
            options["use_tls"] = True
        if self.password:
            options |= {"username": self.username, "password": self.password}
        backend = "django_mailplus.backends.smtp.EmailBackend"
        return {"BACKEND": backend, "OPTIONS": options}

    def offer_starttls(self) -> None:
        """Offer STARTTLS with a certificate made for it; needs the extra `smtpserver`.

        Until the server ends, SSL_CERT_FILE in the environment makes Python trust it, and
        no other certificate.
        """
        certificate = make_certificate(self.host)
        self.tls = server_context(certificate)
        folder = tempfile.TemporaryDirectory(prefix="mailplus-")
        path = Path(self._undo.enter_context(folder), "certificate.pem")
        path.write_bytes(certificate.public)
        self._undo.callback(_restore_trust, os.environ.get(_TRUST))
        os.environ[_TRUST] = str(path)

    def _begin(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(
            target=target, args=arguments, name=f"smtp-{self.port}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.stopped.is_set():
                connection.close()
                return
            conversation = Conversation(self, connection)
            self._conversations.append(conversation)
            self._begin(conversation.run)


def _restore_trust(before: str | None) -> None:
    if before is None:
        del os.environ[_TRUST]
    else:
        os.environ[_TRUST] = before
