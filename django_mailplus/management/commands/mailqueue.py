"""`manage.py mailqueue`: look at the outbox, and decide what becomes of a mail."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import CommandError
from django.core.management.color import Style
from django.db.models import QuerySet

from django_mailplus.figures import count_of
from django_mailplus.management import queue_report
from django_mailplus.management.base import MailplusCommand, verbs_of
from django_mailplus.management.mailers import (
    behind,
    require_named,
    require_sending,
    stores_before,
)
from django_mailplus.management.terminal import columns_of, style_of
from django_mailplus.outbox.actions import selecting, transitions
from django_mailplus.outbox.actions.selecting import UnknownMailError
from django_mailplus.outbox.actions.verbs import VERBS
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.mailers.configured import sending_mailers
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.states import State
from django_mailplus.outbox.status import read_status
from django_mailplus.viewer import clean_text

_SHOWN = 50  # mails of a list where nobody says how many
_VERBS = {name.replace("_", "-"): verb for name, verb in VERBS.items()}


class Command(MailplusCommand):
    help = "Shows what is in the outbox, and lets you decide what becomes of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = verbs_of(parser)
        _add_json(add("status", "How many mails are in which state."))
        _add_list(add("list", "The newest mails."))
        _add_show(add("show", "One mail, its recipients and its tries."))
        for name, verb in _VERBS.items():
            _add_verb(add(name, verb.means))
        move = add("move", "Let another mailer send what waits for one, or is held.")
        move.add_argument("mailer", help="The one whose mails they are.")
        move.add_argument(
            "--to",
            required=True,
            metavar="MAILER",
            help="One that an outbox sends through.",
        )
        pause = add("pause", "Send nothing through a mailer.")
        _add_mailer(pause)
        pause.add_argument(
            "--reason", default="", metavar="TEXT", help="For whoever wonders why."
        )
        _add_mailer(add("resume", "End the pause of a mailer."))

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        act = getattr(self, f"_{action}", None)
        if act is not None:
            act(options)
        else:
            self._change(action, options)

    def _style_for(self, options: Mapping[str, Any]) -> Style:
        return style_of(self.style, forced=options["force_color"])

    def _print(self, lines: Iterable[str]) -> None:
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        for line in lines:
            self.stdout.write(line.encode(encoding, "replace").decode(encoding))

    def _print_json(self, found: Any) -> None:
        """In ASCII: no control character survives, and any program can read it."""
        self.stdout.write(json.dumps(found, indent=2))

    def _status(self, options: Mapping[str, Any]) -> None:
        found = read_status()
        if options["json"]:
            self._print_json(queue_report.status_as_json(found))
            return
        style, columns = self._style_for(options), columns_of(self.stdout)
        self._print(queue_report.status(found, style, columns))

    def _list(self, options: Mapping[str, Any]) -> None:
        if options["limit"] < 0:
            raise CommandError("--limit takes 0, for all, or more.")
        mails = _selected(options)
        mails = mails.order_by("-pk")  # ids sort by time
        shown = list(mails[: options["limit"] or None])
        if options["json"]:
            self._print_json(queue_report.listing_as_json(shown))
            return
        style, columns = self._style_for(options), columns_of(self.stdout)
        self._print(queue_report.listing(shown, style, columns))
        if shown and columns is not None:
            full = len(shown) == options["limit"]
            if full and (more := mails.count() - len(shown)):
                self.stdout.write(f"{more:,} more; --limit 0 shows all.")
            self.stdout.write("All about one of them: manage.py mailqueue show ID")

    def _show(self, options: Mapping[str, Any]) -> None:
        mail = _find(options["id"])
        try:
            if options["raw"]:
                self._write_raw(queue_report.raw_source(mail))
                return
            text = (
                list(queue_report.readable(queue_report.raw_source(mail)))
                if options["content"]
                else []
            )
        except queue_report.ContentError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self._print_json(queue_report.details_as_json(mail))
            return
        style, columns = self._style_for(options), columns_of(self.stdout)
        self._print(queue_report.details(mail, style, columns))
        self._print(["", *text] if text else [])
        if columns is not None:
            self._print(queue_report.next_steps(mail))

    def _write_raw(self, raw: bytes) -> None:
        """Every octet to a file or a pipe; to a terminal what is harmless there."""
        binary = getattr(self.stdout, "buffer", None)
        if binary is not None and not self.stdout.isatty():
            self.stdout.flush()
            binary.write(raw)
            binary.flush()
            return
        self._print([clean_text(raw.decode("utf-8", "replace")).rstrip("\n")])

    def _change(self, action: str, options: Mapping[str, Any]) -> None:
        verb = _VERBS[action]
        done = selecting.do(
            verb,
            _chosen(options),
            dry_run=options["dry_run"],
            named=bool(options["id"]),
        )
        count = count_of(done.changed, "mail")
        can = "can be " if options["dry_run"] else ""
        self.stdout.write(f"{count} {can}{verb.done}.")
        others = [
            f"{number:,} {state.label}" for state, number in done.elsewhere.items()
        ]
        if others:
            possible = ", ".join(str(s.label) for s in State if s in verb.start)
            self.stdout.write(
                f"Not the others: {', '.join(others)}. Only these can be {verb.done}: "
                f"{possible}."
            )
        if done.erased:
            self.stdout.write(
                f"Nor {done.erased:,} whose content has been erased."
                if others
                else f"Not {done.erased:,} whose content has been erased."
            )
        if done.scheduled:
            self.stdout.write(
                f"Left out: {count_of(done.scheduled, 'mail')} scheduled for later. To send "
                f"one now, name its id: manage.py mailqueue {action} ID"
            )

    def _move(self, options: Mapping[str, Any]) -> None:
        to = _mailer(options["to"])
        require_named([options["mailer"]])
        moved = transitions.move(selecting.select(mailers=[options["mailer"]]), to)
        mails = count_of(moved, "mail")
        self.stdout.write(f"{mails} moved to {to or 'the mailer of the settings'}.")

    def _pause(self, options: Mapping[str, Any]) -> None:
        alias = _mailer(options["mailer"])
        pausing.pause_by_hand(alias, options["reason"][:500])
        named = f" {shlex.quote(alias)}" if alias else ""
        self.stdout.write(
            f"{_told(alias, options['mailer'])} is paused. What is on its way arrives; "
            f"nothing more is sent until: manage.py mailqueue resume{named}"
        )

    def _resume(self, options: Mapping[str, Any]) -> None:
        alias = _mailer(options["mailer"])
        was = "sends again" if transitions.resume(alias) else "was not paused"
        self.stdout.write(f"{_told(alias, options['mailer'])} {was}.")


def _add_json(parser: Any) -> None:
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def _add_list(parser: ArgumentParser) -> None:
    _add_filters(parser)
    parser.add_argument(
        "--limit",
        type=int,
        default=_SHOWN,
        metavar="N",
        help=f"How many at most; 0 for all. Default: {_SHOWN}.",
    )
    _add_json(parser)


def _add_show(parser: ArgumentParser) -> None:
    parser.add_argument("id", help="Its id, or the beginning of it.")
    content = parser.add_mutually_exclusive_group()
    content.add_argument(
        "--content", action="store_true", help="What it says, too, as text."
    )
    content.add_argument(
        "--raw",
        action="store_true",
        help="Only what it says, as it goes to the mail server.",
    )
    _add_json(content)


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        choices=State.values,
        metavar="STATE",
        help=f"Only mails in this state: {', '.join(State.values)}. May be given several "
        "times.",
    )
    parser.add_argument(
        "--mailer",
        action="append",
        default=[],
        metavar="MAILER",
        help="Only mails for this mailer. May be given several times.",
    )
    parser.add_argument(
        "--stream",
        action="append",
        default=[],
        metavar="STREAM",
        help="Only mails of this stream. May be given several times.",
    )


def _add_verb(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="Ids, or the beginnings of ids.")
    parser.add_argument(
        "--all",
        action="store_true",
        help="All mails, or all that the filters let pass.",
    )
    _add_filters(parser)
    parser.add_argument("--dry-run", action="store_true", help="Count only.")


def _add_mailer(parser: ArgumentParser) -> None:
    parser.add_argument(
        "mailer", nargs="?", help="May be left out where there is one only."
    )


def _find(beginning: str) -> OutboxMessage:
    try:
        return selecting.find(beginning)
    except UnknownMailError as error:
        raise CommandError(str(error)) from None


def _chosen(options: Mapping[str, Any]) -> Any:
    filters = bool(options["state"] or options["mailer"] or options["stream"])
    if options["id"]:
        if options["all"] or filters:
            raise CommandError("Give ids, or --all with or without filters, not both.")
        return selecting.select().filter(pk__in=[_find(i).pk for i in options["id"]])
    if not options["all"]:
        raise CommandError(
            "Which mails? Give ids, as 'mailqueue list' shows them, or --all, with --state, "
            "--mailer and --stream to choose among them."
        )
    return _selected(options)


def _selected(options: Mapping[str, Any]) -> QuerySet[OutboxMessage]:
    require_named(options["mailer"])
    return selecting.select(
        states=options["state"], mailers=options["mailer"], streams=options["stream"]
    )


def _mailer(named: str | None) -> str:
    """The one that is meant, perhaps by an outbox that sends through it alone."""
    known = sorted(sending_mailers())
    if named is None and len(known) == 1:
        return known[0]
    if named is None:
        names = ", ".join(map(repr, known)) or "none"
        raise CommandError(f"Which mailer? An outbox sends through: {names}.")
    if named not in known and len(found := behind(named)) == 1:
        return found[0]
    require_sending([named])
    return named


def _told(alias: str, named: str | None) -> str:
    """With the outboxes that send through it, where one was named in its place."""
    if named in (None, alias):
        return alias or "The mailer"
    stores = " and ".join(map(repr, stores_before(alias)))
    return f"{alias}, the mailer behind {stores},"
