"""The SMTP dialogue as people may read it, with secrets gone before anything is kept.

smtplib's own debug output shows AUTH lines. Here the masking happens in the recorder:
no printer, log or error can show what was never recorded.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Literal

__all__ = ["MASK", "Direction", "Transcript", "current", "masked", "recording"]

Direction = Literal["C", "S", "*"]
"""The client's line, the server's line, or a note of ours (connected, TLS started)."""

MASK = "****"

_COMMAND_LIMIT = 2_000  # characters of one line; RFC 5321 allows 512 octets
# A terminal must never obey what a server says.
_SHORTEST_SECRET = 3  # characters; to mask shorter ones would garble every text
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_REPLY = re.compile(r"(\d{3})([ -]|$)")
_AUTH = re.compile(r"(\s*AUTH\s+\S+)(.*)", re.IGNORECASE | re.DOTALL)
_PARTS = re.compile(r"[\x00\x01]|Bearer ")
_BDAT = re.compile(r"\s*BDAT\s+(\d+)", re.IGNORECASE)


class Transcript:
    """Pairs of direction and line, in `lines`; `on_line` is called for each at once.

    The connection calls `sent()` and `received()` with the bytes as they are on the
    wire, before TLS: any number of whole lines at a time, message content in pieces of
    any size. What follows an AUTH command is masked until its final reply; message
    content becomes its number of bytes.
    """

    def __init__(self, on_line: Callable[[Direction, str], None] | None = None) -> None:
        self.lines: list[tuple[Direction, str]] = []
        self._on_line = on_line
        self._authenticating = False
        self._answers: list[str] = []  # of an AUTH, to mask an echo of them
        self._last_answer: list[str] = []
        self._in_content = False  # from the 354 to the reply after it
        self._content = 0  # bytes of content not recorded yet
        self._bdat_left = 0

    def note(self, line: str) -> None:
        """Record something that is on no wire, such as the TLS version."""
        self._flush_content()
        self._record("*", line)

    def sent(self, data: bytes | str) -> None:
        """Record what the client wrote."""
        data = data.encode("utf-8", "replace") if isinstance(data, str) else data
        while data:
            if self._in_content:
                self._content += len(data)
                return
            if self._bdat_left:
                chunk = data[: self._bdat_left]
                self._content += len(chunk)
                self._bdat_left -= len(chunk)
                data = data[len(chunk) :]
                continue
            line, _, data = data.partition(b"\n")
            self._flush_content()
            self._command(line.decode("utf-8", "replace").rstrip("\r"))

    def received(self, data: bytes | str) -> None:
        """Record one or more lines of a reply."""
        self._flush_content()
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for line in text.splitlines():
            self._record("S", masked(line, secrets=self._answers))
            reply = _REPLY.match(line)
            if reply and reply[2] != "-":
                self._final_reply(int(reply[1]))

    def _command(self, line: str) -> None:
        auth = _AUTH.fullmatch(line)
        if auth:
            self._authenticating = True
            self._answer(auth[2].strip())
            self._record("C", auth[1] + (f" {MASK}" if auth[2].strip() else ""))
        elif self._authenticating:
            self._answer(line.strip())
            self._record("C", MASK)
        else:
            self._bdat_left = int(bdat[1]) if (bdat := _BDAT.match(line)) else 0
            self._record("C", line)

    def _answer(self, answer: str) -> None:
        """Remember an answer of the running AUTH in every form a server could echo."""
        self._last_answer = [answer]
        with contextlib.suppress(binascii.Error, ValueError):
            decoded = base64.b64decode(answer, validate=True).decode("utf-8", "replace")
            self._last_answer.append(decoded)
            # The last part is the password of PLAIN or the token of XOAUTH2.
            self._last_answer += [part for part in _PARTS.split(decoded) if part][-1:]
        self._answers += self._last_answer

    def _final_reply(self, code: int) -> None:
        if self._authenticating and code != 334:  # RFC 4954: 334 asks for more
            self._authenticating = False
            # A later reply could still echo the last one, which held the password.
            self._answers = [a for a in self._last_answer if len(a) >= _SHORTEST_SECRET]
        self._in_content = code == 354

    def _flush_content(self) -> None:
        if self._content:
            count, self._content = self._content, 0
            self._record("C", f"<{count} bytes>")

    def _record(self, direction: Direction, line: str) -> None:
        line = _CONTROL.sub("?", line)[:_COMMAND_LIMIT]
        self.lines.append((direction, line))
        if self._on_line is not None:
            self._on_line(direction, line)


def masked(text: str, *, secrets: Sequence[str]) -> str:
    """`text` without any of the secrets, for words that came from a server."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


_current: ContextVar[Transcript | None] = ContextVar(
    "mailplus_transcript", default=None
)


def current() -> Transcript | None:
    """The transcript that connections of this context write to, if one is wanted."""
    return _current.get()


@contextlib.contextmanager
def recording(
    on_line: Callable[[Direction, str], None] | None = None,
) -> Iterator[Transcript]:
    """Record every SMTP connection that is used inside the `with` block."""
    transcript = Transcript(on_line)
    token = _current.set(transcript)
    try:
        yield transcript
    finally:
        _current.reset(token)
