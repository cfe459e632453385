"""`manage.py runmailworker`: send what the outbox holds."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.db import Error

from django_mailplus.compat import InvalidMailer
from django_mailplus.management.base import MailplusCommand
from django_mailplus.management.heartbeat import Heartbeat, find_fault
from django_mailplus.management.mailers import require_sending
from django_mailplus.management.screen import Screen
from django_mailplus.management.terminal import style_of
from django_mailplus.management.watching import Bar, Line, Log, Report
from django_mailplus.outbox.dispatch import notify
from django_mailplus.outbox.mailers import stranding
from django_mailplus.outbox.mailers.configured import sending_mailers
from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.outage import without_tables
from django_mailplus.outbox.sending.worker import LONGEST_POLL, Progress, Worker

# SIGHUP: the terminal was closed, or a supervisor wants new settings to be read.
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
_PATIENCE = 10.0  # seconds without a database after which --drain and --once give up
_ONE_PRESS = 0.5  # seconds; terminals and supervisors may both pass one on


class Command(MailplusCommand):
    help = (
        "Sends the mails in the outbox until it is stopped. The first SIGTERM, SIGINT "
        "(CONTROL-C) or SIGHUP lets it finish what is on its way, another makes it leave "
        "at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--using",
            metavar="MAILER",
            action="append",
            help="Only mails for this mailer, the one that an outbox names with 'using'. "
            "May be given several times. Default: all of them.",
        )
        parser.add_argument(
            "--concurrency",
            type=int,
            metavar="N",
            help="Connections of each mailer. Default: what the mailer says.",
        )
        until = parser.add_mutually_exclusive_group()
        until.add_argument(
            "--once",
            action="store_true",
            help="Send one round and stop: for each mailer no more than three mails per "
            "connection, though more may be due. --drain sends them all.",
        )
        until.add_argument(
            "--drain",
            action="store_true",
            help="Send all that is due, and what becomes due meanwhile; stop when nothing "
            "is due any more, or the rate allows none for more than 5 seconds.",
        )
        parser.add_argument(
            "--max-messages",
            type=int,
            metavar="N",
            help="Stop after so many mails, for a supervisor to start a new process.",
        )
        parser.add_argument(
            "--poll",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="How long to wait before looking for new mail again. Default: 1. It "
            "grows up to 5 while there is none.",
        )
        parser.add_argument(
            "--heartbeat",
            metavar="PATH",
            help="Touch this file as long as the worker is alive, and remove it at the end.",
        )
        parser.add_argument(
            "--health",
            action="store_true",
            help="Only tell whether the worker that writes --heartbeat is alive: by the "
            "exit code, 0 or 1. Opens no database.",
        )

    def execute(self, *args: Any, **options: Any) -> Any:
        if options.get("health"):
            self.requires_system_checks = []  # a probe is short, and judges no settings
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_nonsense(options)
        if options["health"]:
            self._tell_health(Path(options["heartbeat"]), options["verbosity"])
            return
        aliases = _aliases(options["using"])
        ends = options["drain"] or options["once"]
        _require_tables(waiting=not ends)
        stranding.warn()
        with _pulse(options) as pulse, Screen(self.stdout) as screen:
            report = self._report(screen, aliases, options)

            def look(progress: Progress) -> None:
                if pulse is not None:
                    pulse.beat()
                if report is not None:
                    report.show(progress)

            worker = Worker(
                aliases,
                concurrency=options["concurrency"],
                poll=options["poll"],
                max_messages=options["max_messages"],
                patience=_PATIENCE if ends else math.inf,
                on_turn=look,
            )
            leaving = self._run(worker, report, options)
        if leaving is not None:
            _end_now(leaving)

    def _run(
        self, worker: Worker, report: Report | None, options: Mapping[str, Any]
    ) -> SystemExit | None:
        """What it leaves with, if somebody could not wait for its end."""
        try:
            with (
                notify.listening(worker),
                _stopped_by_signals(worker, report) as stopping,
            ):
                worker.run(drain=options["drain"], once=options["once"])
        except InvalidMailer as error:
            raise CommandError(str(error)) from None
        except SystemExit as leaving:
            if report is not None:
                report.end("Left")
            return leaving
        if report is not None:
            report.end("Stopped" if stopping.is_set() else "Done")
        return None

    def _report(
        self, screen: Screen, aliases: list[str], options: Mapping[str, Any]
    ) -> Report | None:
        if options["verbosity"] < 1:
            return None
        style = style_of(self.style, forced=options["force_color"])
        kind: type[Report] = Log
        if screen.live:
            kind = Bar if options["drain"] else Line
        report = kind(screen, style, aliases)
        through = f" through {', '.join(aliases)}" if any(aliases) else ""
        to_stop = " Quit with CONTROL-C." if kind is Line else ""
        report.begin(
            style.SUCCESS(f"Sending what is in the outbox{through}.") + to_stop
        )
        return report

    def _tell_health(self, path: Path, verbosity: int) -> None:
        if fault := find_fault(path):
            raise CommandError(fault)
        if verbosity > 0:
            self.stdout.write("The worker is alive.")


def _refuse_nonsense(options: Mapping[str, Any]) -> None:
    for name in ("concurrency", "max_messages"):
        if options[name] is not None and options[name] < 1:
            raise CommandError(
                f"--{name.replace('_', '-')} {options[name]} would send nothing. Give 1 or "
                "more, or leave it out."
            )
    if not 0 < options["poll"] < math.inf:  # nor NaN
        raise CommandError(
            f"--poll {options['poll']:g} is no time to wait. Give seconds, such as 0.5."
        )
    if options["health"] and options["heartbeat"] is None:
        raise CommandError(
            "--health reads a file. Name with --heartbeat the one that the worker writes."
        )
    if options["heartbeat"] == "":
        raise CommandError("--heartbeat: name a file, such as /run/mailworker.alive.")


def _aliases(wanted: list[str] | None) -> list[str]:
    """The mailers behind an outbox; raises CommandError for one that is not."""
    known = sorted(sending_mailers())
    if not known:
        raise CommandError(
            "No mailer is an outbox. Put 'django_mailplus.backends.outbox.EmailBackend' "
            "in front of one in MAILERS."
        )
    require_sending(wanted or ())
    return [*dict.fromkeys(wanted)] if wanted else known


def _require_tables(*, waiting: bool) -> None:
    """`waiting` is whether the worker waits for a database that does not answer."""
    try:
        fault = without_tables(database(), OutboxMessage)
    except Error:
        if not waiting:
            raise
        return
    if fault:
        raise CommandError(fault)


@contextmanager
def _pulse(options: Mapping[str, Any]) -> Iterator[Heartbeat | None]:
    if options["heartbeat"] is None:
        yield None
        return
    path = Path(options["heartbeat"])
    pulse = Heartbeat(path, every=max(options["poll"], LONGEST_POLL))
    try:
        pulse.begin()
    except OSError as error:
        raise CommandError(
            f"--heartbeat: {path} cannot be written: {error.strerror}. Name a file in a "
            "folder that exists and that you may write to."
        ) from None
    try:
        yield pulse
    finally:
        pulse.end()


@contextmanager
def _stopped_by_signals(
    worker: Worker, report: Report | None
) -> Iterator[threading.Event]:
    """The first signal stops the worker, another makes it leave; the event is that.

    A handler must not set an Event, for whose lock its own thread may hold: another
    thread does. Putting into a SimpleQueue is safe.
    """
    arrived: SimpleQueue[bool] = SimpleQueue()
    stopping = threading.Event()
    first: list[float] = []

    def note(number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
            arrived.put(True)
        elif now - first[0] > _ONE_PRESS:
            worker.leave(128 + number)

    def stop() -> None:
        if arrived.get():
            stopping.set()
            if report is not None:
                report.stopping = True
            worker.stop.set()
            worker.wakeup.set()

    restore = _install(note)
    thread = threading.Thread(target=stop, daemon=True, name="mailplus stop")
    thread.start()
    try:
        yield stopping
    finally:
        restore()
        arrived.put(False)
        thread.join()


def _install(note: Callable[[int, FrameType | None], None]) -> Callable[[], None]:
    """What undoes it. Signals reach the main thread only, and nohup ignores SIGHUP."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    wanted = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    earlier = {
        number: signal.signal(number, note)
        for number in wanted
        if signal.getsignal(number) is not signal.SIG_IGN
    }

    def restore() -> None:
        for number, action in earlier.items():
            signal.signal(number, action)

    return restore


def _end_now(leaving: SystemExit) -> NoReturn:
    """Without waiting for threads that wait for a mail server."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(leaving.code if isinstance(leaving.code, int) else 1)
