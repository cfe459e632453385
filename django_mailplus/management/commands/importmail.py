"""`manage.py importmail`: move what another package has queued into the outbox."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from django_mailplus.management.base import MailplusCommand
from django_mailplus.outbox.importing.destinations import Outboxes
from django_mailplus.outbox.importing.mailer import Mailer
from django_mailplus.outbox.importing.moving import (
    ImportRefusedError,
    Outcome,
    Source,
    move,
)
from django_mailplus.outbox.importing.post_office import PostOffice

_SOURCES: Mapping[str, Any] = {"post_office": PostOffice, "mailer": Mailer}
_PACKAGES = {"post_office": "django-post_office", "mailer": "django-mailer"}


class Command(MailplusCommand):
    help = (
        "Moves the mails that django-post_office or django-mailer has queued into the "
        "outbox. Sends nothing. Stop the old sender first. Can be run again: what was "
        "moved is not moved twice, and what cannot be moved stays where it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source", choices=[*_SOURCES], help="The package that queued them."
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Only say what would be moved, and what could not be.",
        )
        parser.add_argument(
            "--using",
            metavar="MAILER",
            help="The outbox to move them to. Default: the only one, or 'default'.",
        )
        parser.add_argument(
            "--backend",
            metavar="OLD=MAILER",
            action="append",
            default=[],
            help="Move mails that post_office would send with its backend OLD to this "
            "outbox. May be given several times.",
        )
        parser.add_argument(
            "--since",
            metavar="DATE",
            type=_date,
            help="Leave alone what was queued before this day, such as 2026-11-01.",
        )
        parser.add_argument(
            "--batch-size",
            type=_positive,
            default=100,
            metavar="ROWS",
            help="How many to move in one transaction. Default: 100.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, dry_run = options["source"], options["dry_run"]
        if not apps.is_installed(name):
            raise CommandError(
                f"{name!r} is not in INSTALLED_APPS. Keep {_PACKAGES[name]} installed "
                "until its queue is moved: it knows how to read its rows."
            )
        try:
            outboxes = Outboxes(options["using"], _pairs(options["backend"]))
            source: Source = _SOURCES[name](options["since"])
            with nullcontext() if dry_run else source.alone():
                counts = Counter(
                    self._tell(source, outcome, options["verbosity"])
                    for outcome in move(
                        source,
                        outboxes.choose,
                        at_once=options["batch_size"],
                        dry_run=dry_run,
                    )
                )
        except ImportRefusedError as error:
            raise CommandError(str(error)) from None
        self._sum_up(source, counts, dry_run)

    def _tell(self, source: Source, outcome: Outcome, verbosity: int) -> str:
        if outcome.what == "stays":
            where = f"{source.name} {outcome.row.pk}"
            self.stderr.write(f"{where} stays where it is: {outcome.reason}")
        elif verbosity > 1:
            mail = "" if outcome.id is None else f" as {outcome.id}"
            self.stdout.write(f"{source.name} {outcome.row.pk} {outcome.what}{mail}")
        return outcome.what

    def _sum_up(self, source: Source, counts: Counter[str], dry_run: bool) -> None:
        told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        self.stdout.write(f"{'Dry run: ' if dry_run else ''}{told or 'Nothing'}.")
        for line in source.left_alone():
            self.stdout.write(line)
        if stays := counts["stays"]:
            raise CommandError(f"{stays} cannot be moved; the reasons are above.")
        if not dry_run and (rest := source.waiting().count()):
            raise CommandError(
                f"{rest} came in, or were being sent, meanwhile. Stop what still uses "
                f"{_PACKAGES[source.name]}, and run this again."
            )


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    if wrong := [old for old, found, new in pairs if not (old and found and new)]:
        raise CommandError(f"--backend takes OLD=MAILER, not {wrong[0]!r}.")
    return {old: new for old, _, new in pairs}


def _date(text: str) -> datetime.datetime:
    day = datetime.datetime.fromisoformat(text)
    return timezone.make_aware(day) if _uses_zones() and day.tzinfo is None else day


def _uses_zones() -> bool:
    return timezone.is_aware(timezone.now())


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number
