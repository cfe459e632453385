"""The whole example in one process: a mail server, a web server, and nothing else to install."""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.test.utils import override_settings

from django_mailplus.exceptions import MissingExtraError
from django_mailplus.inbox.receiving import keeping
from django_mailplus.mailserver.addresses import CannotListenError
from django_mailplus.mailserver.printing import Printer
from django_mailplus.mailserver.received import ReceivedMail
from django_mailplus.mailserver.server import MailServer
from django_mailplus.outbox.dispatch.sending_thread import finish as finish_sending
from website.mailers import HOST, sending_to
from website.walkthrough.browser import Browser
from website.walkthrough.steps import STEPS
from website.walkthrough.walk import Walk, run
from website.webserver import WebServer

WEB_PORT = 8000
MAIL_PORT = 8025
REFUSED = {"refused@example.com": 550}  # for the recipe "One recipient is refused"

Server = TypeVar("Server")


class Command(BaseCommand):
    help = (
        "Run the example: the web site, and a mail server that prints every mail it receives. "
        "With --check, walk through the whole site instead and say whether it works."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port",
            type=int,
            help=f"Port of the web site. Default: {WEB_PORT}, or any free one.",
        )
        parser.add_argument(
            "--mail-port",
            type=int,
            help=f"Port of the mail server. Default: {MAIL_PORT}, or any free one.",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Walk through every page over real HTTP and SMTP with a temporary database.",
        )

    def handle(self, **options: Any) -> None:
        try:
            with ExitStack() as stack:
                if options["check"]:
                    _require_the_usual_settings()
                    self._check(stack)
                else:
                    self._serve(stack, options["port"], options["mail_port"])
        except MissingExtraError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted.") from None

    def _serve(self, stack: ExitStack, port: int | None, mail_port: int | None) -> None:
        stopped = _stopped_by_signal()
        call_command("migrate", verbosity=0)
        printer = Printer(self.stdout, style=self.style)
        keep = stack.enter_context(keeping())

        def receive(mail: ReceivedMail) -> None:
            keep(mail.raw, mail.rcpt_to)
            printer.mail(mail)

        mail_server = self._mail_server(
            stack,
            partial(
                MailServer,
                HOST,
                on_message=receive,
                on_refused=printer.refused,
                fail=REFUSED,
            ),
            mail_port,
            MAIL_PORT,
        )
        web_server = self._web_server(stack, port, WEB_PORT)
        # The terminal is for the mails; pages that go wrong still show.
        logging.getLogger("django.server").setLevel(logging.WARNING)
        self.stdout.write(
            f"\nOpen {self.style.SUCCESS(web_server.url)} in your browser.\n"
            f"The mail server listens on {HOST}:{mail_server.port}. "
            "What it receives\n"
            f"appears here and at {web_server.url}/mail/, the inbox.\n"
            "Ctrl-C stops both.\n\n"
        )
        self.stdout.flush()
        stopped.wait()
        stack.close()
        printer.goodbye(mail_server)

    def _check(self, stack: ExitStack) -> None:
        logging.disable()  # bad input and a stopped mail server are part of the walk
        stack.callback(logging.disable, logging.NOTSET)
        stack.enter_context(_temporary_database())
        stack.callback(finish_sending)  # before the thread meets another database
        # The walk asks for mails faster than anybody types.
        eager = {**settings.MAILPLUS, "VERIFICATION_RESEND_COOLDOWN": 0}
        stack.enter_context(override_settings(MAILPLUS=eager))
        inbox: list[ReceivedMail] = []
        mail_server = self._mail_server(
            stack,
            partial(MailServer, HOST, on_message=inbox.append, fail=REFUSED),
            0,
            0,
        )
        web_server = self._web_server(stack, 0, 0)
        walk = Walk(
            browser=Browser(web_server.url), mail_server=mail_server, inbox=inbox
        )
        if not run(STEPS, walk, self.stdout.write):
            raise CommandError("The walk through the site failed at the step above.")
        self.stdout.write(
            f"All {len(STEPS)} steps passed, {len(inbox)} mails received."
        )

    def _mail_server(
        self,
        stack: ExitStack,
        make: Callable[[int], MailServer],
        port: int | None,
        preferred: int,
    ) -> MailServer:
        """Start a mail server and let every mailer of this process send to it."""

        def start(port: int) -> MailServer:
            server = make(port)
            server.start()
            return server

        server = _on_port(start, port, preferred)
        stack.callback(server.stop)
        local = sending_to(server.port, settings.MAILERS)
        stack.enter_context(override_settings(MAILERS=local))
        return server

    def _web_server(
        self, stack: ExitStack, port: int | None, preferred: int
    ) -> WebServer:
        stack.enter_context(override_settings(ALLOWED_HOSTS=[HOST, "localhost"]))
        server = _on_port(partial(WebServer, HOST), port, preferred)
        stack.callback(server.stop)
        server.start()
        here = {**settings.MAILPLUS, "BASE_URL": server.url}
        stack.enter_context(override_settings(MAILPLUS=here))
        return server


def _require_the_usual_settings() -> None:
    if settings.SETTINGS_MODULE.startswith("config.setups."):
        raise CommandError(
            "--check walks through the usual settings, and through all of config.setups "
            "on its way. Leave out --settings, or leave out --check to try this one."
        )


def _on_port(
    start: Callable[[int], Server], port: int | None, preferred: int
) -> Server:
    """A server on the port that was asked for, or else on the preferred one or any free one."""
    try:
        return start(preferred if port is None else port)
    except (OSError, OverflowError, CannotListenError) as error:
        if port is None:
            return start(0)
        raise CommandError(f"Cannot listen on port {port}: {error}") from None


@contextmanager
def _temporary_database() -> Iterator[None]:
    """An empty, migrated database that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        if connection.vendor == "sqlite":
            # A file, not memory: the threads of the web server have connections of their own.
            test_settings = connection.settings_dict["TEST"]
            test_settings["NAME"] = str(Path(folder) / "check.sqlite3")
        before = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(before, verbosity=0)


def _stopped_by_signal() -> threading.Event:
    """Set by Ctrl-C or SIGTERM, from now on; so neither leaves a traceback, however early."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *args: stopped.set())
    return stopped
