"""`manage.py prunemail`: delete what is no longer needed."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django_mailplus.figures import count_of
from django_mailplus.inbox import catching as inbox
from django_mailplus.management.base import MailplusCommand
from django_mailplus.outbox import retention
from django_mailplus.outbox.states import State
from django_mailplus.suppression import writing as suppression
from django_mailplus.verification import throttle


class Command(MailplusCommand):
    help = (
        "Deletes rows that no longer serve anything: mails that were sent or given up "
        "long ago, what nobody may read any more, entries of the do-not-mail list that "
        "have expired, caught mails beyond those that the inbox keeps, and old counters. Mails that are yet to be sent stay. Run it once a day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Count only, and delete nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        pruned = retention.preview() if dry_run else retention.prune()
        allowances = throttle.prune(dry_run=dry_run)
        deleted = "to delete" if dry_run else "deleted"
        emptied = "to empty" if dry_run else "emptied"
        lines = [f"{allowances} sending allowances {deleted}."]
        lines.append(f"{_mails(pruned.deleted)} {deleted}{_states(pruned.deleted)}.")
        if any(pruned.emptied.values()):
            lines.append(
                f"{_mails(pruned.emptied)} {emptied} but for the idempotency key"
                f"{_states(pruned.emptied)}."
            )
        if pruned.contents:
            lines.append(f"{pruned.contents} unused contents deleted.")
        if pruned.files:
            lines.append(f"{pruned.files} files deleted whose mails were rolled back.")
        if expired := suppression.prune(dry_run=dry_run):
            entries = count_of(expired, "entry", "entries")
            lines.append(f"{entries} of the do-not-mail list {deleted}: expired.")
        if caught := inbox.prune(dry_run=dry_run):
            lines.append(f"{count_of(caught, 'mail')} of the inbox {deleted}.")
        if options["verbosity"] > 0:
            self.stdout.write("\n".join(lines))


def _mails(counts: Mapping[State, int]) -> str:
    return count_of(sum(counts.values()), "mail")


def _states(counts: Mapping[State, int]) -> str:
    some = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f" ({some})" if some else ""
