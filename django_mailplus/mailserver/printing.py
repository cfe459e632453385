"""Mails and the server's state as text for a terminal.

What comes from a mail passes through the viewer, so the only escape sequences written
are those of Django's own styles.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from django.core.management.color import Style

from django_mailplus.compat import NATIVE
from django_mailplus.figures import count_of, size_of
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer
from django_mailplus.viewer import MessageView, clean_line, view

__all__ = ["Printer"]

_FIRST_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Subject")
# Written by machines for machines; --save keeps them.
_HIDDEN_HEADERS = frozenset(
    [
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
        "content-language",
        "mime-version",
        "message-id",
        "date",
        "received",
        "return-path",
        "dkim-signature",
        "authentication-results",
    ]
)
_WIDEST_LABEL = 20  # columns; a longer name pushes its value to the right
_WIDEST_RULE = 78  # columns
# A mail longer than this is not read in a terminal; the rest is counted.
_TEXT_LINES = 300
_LINE_LENGTH = 2_000  # characters of one line of text or of one header
_ITEMS = 30  # further headers, recipients, attachments


class Output(Protocol):
    """A text stream, or the `self.stdout` of a management command."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Printer:
    """Writes mails to a stream, each in one piece; `quiet` makes that one line."""

    def __init__(self, out: Output, *, style: Style, quiet: bool = False) -> None:
        self._out = out
        self._style = style
        self._quiet = quiet
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        plain = not _can_encode("─·→…", self._encoding)
        self._rule, self._dot, self._arrow = (
            ("-", "|", "->") if plain else ("─", "·", "→")
        )

    def banner(self, server: MailServer, *, certificate: Path | None = None) -> None:
        """Where the server listens and which settings send to it; never a password.

        `certificate` is a file with the server's certificate, for clients to trust.
        """
        self._write(_banner(server, self._style, certificate))

    def mail(self, mail: ReceivedMail) -> None:
        seen = view(mail.raw)
        lines = [self._line(mail, seen)] if self._quiet else self._page(mail, seen)
        self._write("\n".join(lines))

    def refused(self, event: str) -> None:
        """A refusal, in the sentence that the server tells it in."""
        self._write(self._style.WARNING(clean_line(event)))

    def goodbye(self, server: MailServer) -> None:
        count = server.received
        self._write(f"\nStopped. {count_of(count, 'mail')} received.")

    def _write(self, text: str) -> None:
        # A terminal in another encoding shows "?" instead of raising.
        text = text.encode(self._encoding, "replace").decode(self._encoding)
        self._out.write(text + "\n")
        self._out.flush()

    def _line(self, mail: ReceivedMail, seen: MessageView) -> str:
        time = f"{mail.received_at.astimezone():%H:%M:%S}"
        subject = seen.subject or "(no subject)"
        return f"{time}  {self._envelope(mail)}  {self._style.MIGRATE_LABEL(_cut(subject))}"

    def _page(self, mail: ReceivedMail, seen: MessageView) -> Iterator[str]:
        rows = [("Envelope", self._envelope(mail)), *_shown_headers(seen)]
        width = min(max(len(name) for name, _ in rows), _WIDEST_LABEL)
        yield self._title(mail)
        for name, value in rows:
            paint = self._style.MIGRATE_LABEL if name == "Subject" else str
            yield f"{self._style.SQL_TABLE(f'{name:<{width}}')}  {paint(_cut(value))}"
        yield ""
        yield from _body(seen)
        yield ""
        yield from self._extras(seen)

    def _title(self, mail: ReceivedMail) -> str:
        facts = [f"Mail {mail.number}", f"{mail.received_at.astimezone():%H:%M:%S}"]
        facts.append(size_of(len(mail.raw)))
        if mail.tls:
            facts.append("TLS")
        if mail.username is not None:
            facts.append(f"logged in as {clean_line(mail.username)}")
        title = f"{self._rule * 2} " + f" {self._dot} ".join(facts) + " "
        width = min(shutil.get_terminal_size().columns, _WIDEST_RULE)
        return self._style.MIGRATE_HEADING(title + self._rule * (width - len(title)))

    def _envelope(self, mail: ReceivedMail) -> str:
        recipients = ", ".join(_some([_cut(clean_line(to)) for to in mail.rcpt_to]))
        return f"{_cut(clean_line(mail.mail_from)) or '<>'} {self._arrow} {recipients}"

    def _extras(self, seen: MessageView) -> Iterator[str]:
        if seen.html is not None and seen.text is not None:
            yield f"{self._style.SQL_TABLE('HTML part')}  {size_of(len(seen.html.encode()))}"
        files = [
            f"{_cut(part.filename) or '(no name)'}  {_cut(part.content_type)}, {size_of(part.size)}"
            for part in seen.attachments
        ]
        for label, items in (("Attachments", files), ("Links", seen.links)):
            if items:
                yield self._style.SQL_TABLE(label)
                # Nothing but the link on its line, however long: terminals make it clickable.
                paint = self._style.HTTP_NOT_MODIFIED if label == "Links" else str
                yield from (f"  {paint(item)}" for item in _some(items))
        yield ""


def _shown_headers(seen: MessageView) -> Iterator[tuple[str, str]]:
    for name in _FIRST_HEADERS:
        for key, value in seen.headers:
            if key.lower() == name.lower():
                yield name, value
    first = {name.lower() for name in _FIRST_HEADERS}
    others = [
        (_cut(name), value)
        for name, value in seen.headers
        if name.lower() not in first | _HIDDEN_HEADERS
    ]
    yield from others[:_ITEMS]


def _body(seen: MessageView) -> Iterator[str]:
    if seen.text is None:
        html = (
            f"; its HTML part has {size_of(len(seen.html.encode()))}"
            if seen.html
            else ""
        )
        yield f"  (This mail has no text part{html}.)"
        return
    lines = seen.text.strip("\n").split("\n")
    yield from (f"  {_cut(line)}".rstrip() for line in lines[:_TEXT_LINES])
    if len(lines) > _TEXT_LINES:
        yield f"  (and {count_of(len(lines) - _TEXT_LINES, 'more line')})"


def _banner(server: MailServer, style: Style, certificate: Path | None) -> str:
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)
    options = [
        f'"host": "{everywhere.get(server.host, server.host)}"',
        f'"port": {server.port}',
    ]
    if server.username is not None:
        options += [f'"username": "{clean_line(server.username)}"', '"password": "..."']
    if server.starttls:
        options.append('"use_tls": True')
    lines = [
        style.SUCCESS(f"Mail server for development on {server.address}"),
        "It shows every mail here and passes none on. To send to it:",
        "",
        "    MAILERS = {",
        '        "default": {',
        '            "BACKEND": "django_mailplus.backends.smtp.EmailBackend",',
        f'            "OPTIONS": {{{", ".join(options)}}},',
        "        },",
        "    }",
        *(
            []
            if NATIVE
            else ['    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"']
        ),
        "",
    ]
    if certificate is not None:
        lines += [
            "Its certificate is new and nobody's authority signed it. A project trusts it with:",
            f"    SSL_CERT_FILE={certificate} python manage.py runserver",
            "",
        ]
    lines += [
        f"It refuses {address} with {code}." for address, code in server.fail.items()
    ]
    if server.host in everywhere:
        lines.append(
            style.WARNING("Everybody who reaches this machine can send mail to it.")
        )
    quit_command = "CTRL-BREAK" if sys.platform == "win32" else "CONTROL-C"
    return "\n".join([*lines, f"Quit with {quit_command}.", ""])


def _some(items: Iterable[str]) -> list[str]:
    """The first of them, and how many more there are."""
    items = list(items)
    more = len(items) - _ITEMS
    return items if more <= 0 else [*items[:_ITEMS], f"(and {more} more)"]


def _cut(text: str) -> str:
    return text if len(text) <= _LINE_LENGTH else f"{text[:_LINE_LENGTH]}..."


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True
