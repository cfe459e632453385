"""A mail server that says exactly what a test tells it to say, over real sockets."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path

CLOSE = "close the connection"
SILENCE = "say nothing and wait"

_DEFAULTS = {
    "banner": "220 test ESMTP",
    "ehlo": "250-test\n250 SIZE 1000000",
    "helo": "250 test",
    "starttls": "220 2.0.0 go ahead",
    "auth": "235 2.7.0 welcome",
    "answer": "235 2.7.0 welcome",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go ahead",
    "content": "250 2.0.0 Ok: queued as ABC123",
    "rset": "250 2.0.0 ok",
    "noop": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
}


class ScriptedServer:
    """Replies by stage, each a text with its code; several lines are joined by newlines.

    `rcpt` may also map addresses to replies, with "" for all others. `tls` is a context
    that wraps the connection from its first byte, or after STARTTLS when `upgrade`.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        upgrade: bool = False,
        **replies: str | Mapping[str, str],
    ) -> None:
        self.tls = tls
        self.upgrade = upgrade
        self.replies: dict[str, str | Mapping[str, str]] = _DEFAULTS | replies
        self.commands: list[str] = []
        self.messages: list[bytes] = []
        self._stop = threading.Event()
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        # Wakes accept(), which close() alone does not on every system.
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=1).close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            connection, _ = self._listener.accept()
            if self._stop.is_set():
                connection.close()
                return
            self._connections.append(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The client of a test may be gone at any moment: that is what is tested.
        with contextlib.suppress(OSError, ValueError), connection:
            if self.tls is not None and not self.upgrade:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with contextlib.suppress(OSError), connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket, *, greet: bool = True) -> None:
        if greet and not self._reply(connection, "banner"):
            return
        with connection.makefile("rb") as lines:
            while line := lines.readline():
                text = line.decode("utf-8", "replace").strip()
                self.commands.append(text)
                verb = text.partition(" ")[0].lower()
                if not self._reply(
                    connection, verb if verb in self.replies else "answer", text
                ):
                    return
                if verb == "starttls" and self._said("starttls").startswith("220"):
                    with self.tls.wrap_socket(
                        connection, server_side=True
                    ) as encrypted:
                        self._talk(encrypted, greet=False)
                    return
                if verb == "data" and self._said("data").startswith("354"):
                    body = []
                    while (part := lines.readline()) not in (b".\r\n", b""):
                        body.append(part)
                    if not part:  # the client is gone, and nothing was completed
                        return
                    self.messages.append(b"".join(body))
                    if not self._reply(connection, "content"):
                        return
                if verb == "quit":
                    return

    def _said(self, stage: str) -> str:
        reply = self.replies[stage]
        return reply if isinstance(reply, str) else ""

    def _reply(self, connection: socket.socket, stage: str, line: str = "") -> bool:
        reply = self.replies[stage]
        if not isinstance(reply, str):
            chosen = [value for key, value in reply.items() if key and key in line]
            reply = chosen[0] if chosen else reply.get("", _DEFAULTS[stage])
        if reply == SILENCE:
            self._stop.wait(10)
            return False
        if reply == CLOSE:
            return False
        if reply:
            connection.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")
        return True


def server_context(
    directory: Path,
    *,
    name: str = "127.0.0.1",
    expired: bool = False,
) -> tuple[ssl.SSLContext, Path]:
    """A TLS context with a certificate made for it, and the file to trust it by."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    now = datetime.datetime.now(datetime.UTC)
    shift = datetime.timedelta(days=30 if expired else 0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2) - shift)
        .not_valid_after(now + datetime.timedelta(days=2) - shift)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = directory / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = directory / "key.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_file)
    return context, pem
