"""A session of smtplib whose replies are bounded, and whose password is tried once.

It shows its dialogue to an active transcript, and knows its age, its use and whether
the server has closed it.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import time
from collections.abc import Iterator
from typing import Any

from django_mailplus.smtp import auth, transcript
from django_mailplus.smtp.channel import Channel, SMTPReplyError
from django_mailplus.smtp.distrust import Server
from django_mailplus.smtp.options import is_loopback

__all__ = ["DEFAULT_TIMEOUT", "Session", "code_and_text"]

DEFAULT_TIMEOUT = 10.0  # seconds per wait for the server; smtplib would wait for ever
_MOST_CHALLENGES = 5  # of one login, as in smtplib; no mechanism has more than 2


class Session(smtplib.SMTP):
    """`smtplib.SMTP` with bounds; see `getreply`, `login` and `alive`."""

    reset_due = False  # a transaction was given up: RSET goes before the next one
    pipelining = True  # whether to use PIPELINING where it is offered
    server: Server = ("", 0)
    # Whether a batch is under way: whatever else is written would become part of it.
    busy = False

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        **options: Any,
    ) -> None:
        self.created = time.monotonic()
        self.used = 0  # transactions that were begun
        self._channel: Channel | None = None
        super().__init__(host, port, timeout=timeout, **options)

    @property
    def channel(self) -> Channel:
        """Both directions of the present socket; STARTTLS makes it another one."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        if self._channel is None or self._channel.sock is not self.sock:
            self._channel = Channel(self.sock)
        return self._channel

    def alive(self) -> bool:
        """Whether the connection can be used, as far as that shows without asking.

        An idle connection with something to read was closed, or is about to be (421).
        One that was given back in the middle of a batch is of no use to anybody else.
        """
        return self.sock is not None and not self.busy and self.channel.quiet()

    def connect(
        self, host: str = "localhost", port: int = 0, source_address: Any = None
    ) -> tuple[int, bytes]:
        try:
            return super().connect(host, port, source_address)
        except SMTPReplyError as error:
            return code_and_text(error)  # smtplib makes an SMTPConnectError of it

    def ehlo(self, name: str = "") -> tuple[int, bytes]:
        try:
            return super().ehlo(name)
        except SMTPReplyError as error:
            raise smtplib.SMTPHeloError(*code_and_text(error)) from None

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        code, text = super().docmd(cmd, args)
        # Whoever sits between could have added replies before the encryption, to be
        # taken for the server's own behind it (CVE-2011-0411 and its like).
        if cmd.upper() == "STARTTLS" and not self._said_nothing_else():
            self.close()
            raise SMTPReplyError(-1, b"Data before the TLS handshake.")
        return code, text

    def _said_nothing_else(self) -> bool:
        return self.sock is not None and not self.channel.buffered

    def send(self, s: Any) -> None:
        self.show_sent(s.encode("ascii", "replace") if isinstance(s, str) else s)
        super().send(s)

    def rset(self) -> tuple[int, bytes]:
        self.reset_due = False
        return super().rset()

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, as in smtplib, but bounded in length and in time.

        Raises SMTPServerDisconnected, or `SMTPReplyError` for what is no reply. The
        connection is closed then: the two sides no longer agree on where they are.
        """
        try:
            code, text = self.channel.reply()
        except smtplib.SMTPException as error:
            if isinstance(error, SMTPReplyError):
                self.show_note(f"no SMTP reply: {code_and_text(error)[1]!r}")
            self.close()
            raise
        self._debug("reply:", (code, text))
        self.show_received(code, text)
        return code, text

    def close(self) -> None:
        self._channel = None
        super().close()

    def login(
        self, user: str, password: str, *, initial_response_ok: bool = True
    ) -> tuple[int, bytes]:
        """Log in with the best mechanism, once.

        Another one follows only if the server does not know the first after all (504).
        Raises what smtplib raises; no error holds the password.
        """
        offered = self._offered_mechanisms()
        user, password = str(user), str(password)
        auth.require_ascii(user, password)
        names = auth.password_mechanisms(offered, encrypted=self.encrypted)
        respond = {
            "PLAIN": auth.plain(user, password),
            "LOGIN": auth.login(user, password),
            "CRAM-MD5": auth.cram_md5(user, password),
        }
        return self._log_in(
            {name: respond[name] for name in names},
            secrets=[password],
            initial_response_ok=initial_response_ok,
        )

    def login_with_token(self, user: str, tokens: auth.Tokens) -> tuple[int, bytes]:
        """Log in with an access token; a refused one (535) is renewed once.

        Raises what `login` raises, and what the provider of the tokens raises.
        """
        token = tokens.current()
        secrets = [token]
        try:
            return self._try_token(user, token, secrets)
        except smtplib.SMTPAuthenticationError as refusal:
            renewed = tokens.renew(token) if refusal.smtp_code == 535 else token
            if renewed == token:
                raise
            secrets.append(renewed)
            try:
                return self._try_token(user, renewed, secrets)
            except smtplib.SMTPServerDisconnected:
                raise refusal from None  # the server closed after its refusal

    @property
    def encrypted(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket)

    def _try_token(
        self, user: str, token: str, secrets: list[str]
    ) -> tuple[int, bytes]:
        names = auth.token_mechanisms(self._offered_mechanisms())
        host: str = self._host  # type: ignore[attr-defined]  # private to smtplib
        if not self.encrypted and not is_loopback(host):
            raise smtplib.SMTPNotSupportedError(
                "An access token is sent over TLS only: set use_tls or use_ssl."
            )
        port = self.channel.sock.getpeername()[1]
        respond = {
            "XOAUTH2": auth.xoauth2(user, token),
            "OAUTHBEARER": auth.oauthbearer(user, token, host=host, port=port),
        }
        return self._log_in({name: respond[name] for name in names}, secrets=secrets)

    def _offered_mechanisms(self) -> str:
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("auth"):
            raise smtplib.SMTPNotSupportedError(
                "SMTP AUTH extension not supported by server."
            )
        return self.esmtp_features["auth"]

    def _log_in(
        self,
        mechanisms: dict[str, auth.Respond],
        *,
        secrets: list[str],
        initial_response_ok: bool = True,
    ) -> tuple[int, bytes]:
        code, text = 0, b""
        secrets = [*secrets, *(auth.encode_response(s.encode()) for s in secrets)]
        for name, respond in mechanisms.items():
            code, text = self._authenticate(name, respond, secrets, initial_response_ok)
            if code not in (502, 504):  # the mechanism is unknown: nothing was judged
                break
        if not mechanisms:
            raise smtplib.SMTPException("No suitable authentication method found.")
        if code // 100 == 2 or code == 503:  # 503: logged in already, as in smtplib
            return code, text
        said = transcript.masked(text.decode("utf-8", "replace"), secrets=secrets)
        raise smtplib.SMTPAuthenticationError(code, said.encode())

    def _authenticate(
        self,
        mechanism: str,
        respond: auth.Respond,
        secrets: list[str],
        initial_response_ok: bool,
    ) -> tuple[int, bytes]:
        """The exchange of RFC 4954; what was said in it is added to the secrets."""
        initial = respond(None) if initial_response_ok else None
        with self._no_debugging():
            response = None if initial is None else auth.encode_response(initial)
            secrets.append(response or "")
            code, text = self.docmd("AUTH", f"{mechanism} {response or ''}".rstrip())
            for _ in range(_MOST_CHALLENGES):
                if code != 334:
                    return code, text
                challenge = auth.decode_challenge(text)
                answer = None if challenge is None else respond(challenge)
                response = "*" if answer is None else auth.encode_response(answer)
                secrets.append(response if len(response) > 1 else "")
                code, text = self.docmd(response)
        if code == 334:
            self.close()
            raise smtplib.SMTPException("The server asks on and on while logging in.")
        return code, text

    @contextlib.contextmanager
    def _no_debugging(self) -> Iterator[None]:
        """smtplib's debugging output would show the password."""
        level, self.debuglevel = self.debuglevel, 0
        try:
            yield
        finally:
            self.debuglevel = level

    def _debug(self, *words: object) -> None:
        if self.debuglevel > 0:
            self._print_debug(*words)  # type: ignore[attr-defined]  # private to smtplib

    def show_sent(self, data: bytes) -> None:
        if (current := transcript.current()) is not None:
            current.sent(data)

    def show_received(self, code: int, text: bytes) -> None:
        if (current := transcript.current()) is not None:
            *lines, last = text.split(b"\n")
            for line in lines:
                current.received(b"%d-%s" % (code, line))
            current.received(b"%d %s" % (code, last))

    def show_note(self, line: str) -> None:
        if (current := transcript.current()) is not None:
            current.note(line)


def code_and_text(error: smtplib.SMTPResponseException) -> tuple[int, bytes]:
    text = error.smtp_error
    return error.smtp_code, text.encode() if isinstance(text, str) else text
