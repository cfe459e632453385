"""`manage.py runmailserver`: take, show and keep mail during development."""

from __future__ import annotations

import signal
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from django_mailplus.conf import setting
from django_mailplus.exceptions import MailplusError
from django_mailplus.mailserver.addresses import parse_address
from django_mailplus.mailserver.printing import Printer
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.refusals import parse_fail_rule
from django_mailplus.mailserver.saving import MailFolder
from django_mailplus.mailserver.server import MailServer
from django_mailplus.outbox.outage import fault_of

T = TypeVar("T")

# A wait without end cannot be interrupted on Windows.
_HEARTBEAT = 0.5  # seconds


class Command(BaseCommand):
    help = (
        "Starts a mail server for development that shows each mail and passes none on."
    )
    requires_system_checks = []  # it must run while the mail settings are still wrong

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "address",
            nargs="?",
            metavar="[host:]port",
            help='Where to listen, such as 8025 or "[::1]:8025"; port 0 takes any free port. '
            'Default: MAILPLUS["MAIL_SERVER"], else 127.0.0.1:8025.',
        )
        parser.add_argument(
            "--auth",
            metavar="USER:PASSWORD",
            help="Take mail only from clients that log in so.",
        )
        parser.add_argument(
            "--starttls",
            action="store_true",
            help="Offer TLS with a newly made certificate.",
        )
        parser.add_argument(
            "--fail",
            metavar="ADDRESS=CODE",
            action="append",
            default=[],
            help="Refuse this recipient with this reply code (400 to 599); *@example.com "
            "stands for a whole domain. May be given several times.",
        )
        parser.add_argument(
            "--quiet", action="store_true", help="Print one line for each mail."
        )
        parser.add_argument(
            "--save",
            metavar="DIR",
            help="Keep each mail in this folder, as an .eml file.",
        )
        parser.add_argument(
            "--inbox",
            action="store_true",
            help="Keep each mail in the inbox of this project, where a browser shows it.",
        )

    def handle(self, **options: Any) -> None:
        printer = Printer(self.stdout, style=self.style, quiet=options["quiet"])
        with ExitStack() as cleanup:
            keepers: list[Callable[[ReceivedMail], object]] = []
            if options["save"] is not None:
                keepers.append(_open_folder(options["save"]).save)
            if options["inbox"]:
                keepers.append(_open_inbox(cleanup))

            def receive(mail: ReceivedMail) -> None:
                for keep in keepers:
                    keep(mail)
                printer.mail(mail)

            server = self._make_server(receive, printer.refused, options)
            signals = cleanup.enter_context(_stop_signals())
            try:
                cleanup.enter_context(server)
            except MailplusError as error:
                raise CommandError(str(error)) from None
            printer.banner(server, certificate=_publish(server.certificate, cleanup))
            _wait(signals)
        printer.goodbye(server)

    def _make_server(
        self,
        receive: Callable[[ReceivedMail], None],
        refused: Callable[[str], None],
        options: dict[str, Any],
    ) -> MailServer:
        given = options["address"]
        host, port = _parse(
            parse_address, given or setting("MAIL_SERVER"), "" if given else _KEY
        )
        fail = dict(
            _parse(parse_fail_rule, rule, "--fail: ") for rule in options["fail"]
        )
        username, _, password = (options["auth"] or "").partition(":")
        if options["auth"] is not None and not (username and password):
            # The text is not repeated: it may be a password.
            raise CommandError("--auth takes USER:PASSWORD, such as --auth ann:secret.")
        return MailServer(
            host,
            port,
            on_message=receive,
            on_refused=refused,
            username=username or None,
            password=password or None,
            starttls=options["starttls"],
            fail=fail,
        )


_KEY = 'MAILPLUS["MAIL_SERVER"]: '


def _parse(parse: Callable[[str], T], text: str, origin: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise CommandError(f"{origin}{error}") from None


def _open_folder(name: str) -> MailFolder:
    if not name:
        raise CommandError("--save: name a folder, such as --save mails.")
    try:
        return MailFolder(Path(name))
    except OSError as error:
        raise CommandError(
            f"--save: mails cannot be kept in {name}: {error.strerror}. "
            "Name a folder that you may write to; it is made if it does not exist."
        ) from None


def _open_inbox(cleanup: ExitStack) -> Callable[[ReceivedMail], None]:
    from django_mailplus.inbox.models import mails
    from django_mailplus.inbox.receiving import keeping

    try:
        mails().exists()
    except Error as error:
        raise CommandError(
            "--inbox: mails cannot be kept in the database: "
            f"{fault_of(error) or type(error).__name__}"
        ) from None
    keep = cleanup.enter_context(keeping())
    return lambda mail: keep(mail.raw, mail.rcpt_to)


def _publish(certificate: bytes | None, cleanup: ExitStack) -> Path | None:
    """A file with the public certificate for as long as the server runs."""
    if certificate is None:
        return None
    folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="runmailserver-"))
    path = Path(folder) / "certificate.pem"
    path.write_bytes(certificate)
    return path


@contextmanager
def _stop_signals() -> Iterator[SimpleQueue[int]]:
    """A queue that gets Ctrl-C and SIGTERM, instead of Python ending where it stands.

    Of the ways to wait, only SimpleQueue may be woken from a signal handler: it is
    reentrant, where an Event could wait for a lock that its own thread holds.
    """
    arrived: SimpleQueue[int] = SimpleQueue()

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.put(number)

    wanted = (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.signal(number, note) for number in wanted}
    try:
        yield arrived
    finally:
        for number, action in earlier.items():
            signal.signal(number, action)


def _wait(arrived: SimpleQueue[int]) -> None:
    while True:
        try:
            arrived.get(timeout=_HEARTBEAT)
        except Empty:
            continue
        return
