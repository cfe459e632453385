"""`manage.py mailsuppression`: the do-not-mail list, in a terminal and as CSV."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils import timezone

from django_mailplus.figures import count_of
from django_mailplus.management.base import MailplusCommand, verbs_of
from django_mailplus.management.progress import Progress
from django_mailplus.management.terminal import columns_of, table
from django_mailplus.message.envelope import bare_address, bare_addresses
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.suppression import importing, listing, writing
from django_mailplus.suppression.bulk import bulk_streams, is_bulk
from django_mailplus.suppression.models import Suppression, entries
from django_mailplus.suppression.reasons import Reason

_MOST_TOLD = 20  # lines of a file that are no entries


class Command(MailplusCommand):
    help = "The do-not-mail list: who gets no mail, why, and what other systems know."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = verbs_of(parser)
        of_address = add("show", "Why an address gets no mail.")
        of_address.add_argument("address")
        _add_entry(add("add", "Send nothing to an address any more."))
        remove = add("remove", "Take an address off the list.")
        remove.add_argument("address")
        _add_filters(remove)
        _add_import(add("import", "Take over a list in CSV; can be run again."))
        export = add("export", "Write the list as CSV.")
        export.add_argument("file", nargs="?", default="-", help="Default: -, stdout.")
        _add_filters(export)

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _show(self, options: Mapping[str, Any]) -> None:
        key = lookalike_key(_address(options["address"]))
        if not (rows := list(entries().filter(key=key).order_by("pk"))):
            self.stdout.write("It is not on the list.")
            return
        lines = [
            [
                str(row.reason),
                row.stream or "all",
                _day(row.created_at),
                _until(row),
                str(row.reported),
                str(row.kept_back),
                row.source,
                row.detail,
            ]
            for row in rows
        ]
        head = [
            "reason",
            "stream",
            "since",
            "until",
            "reported",
            "kept-back",
            "source",
            "detail",
        ]
        columns = columns_of(self.stdout)
        for line in table(head, lines, columns=columns, right={4, 5}, elastic={6, 7}):
            self.stdout.write(line)

    def _warn_of_stream(self, stream: str | None) -> None:
        """A mistyped one stops nothing; one of mail that nobody can leave need not be there."""
        if stream and not is_bulk(stream):
            known = ", ".join(bulk_streams()) or "none"
            self.stderr.write(
                f"MAILPLUS['BULK_STREAMS'] has no stream {stream!r} (there are: {known}); "
                "only mail that says it is of that stream is stopped."
            )

    def _add(self, options: Mapping[str, Any]) -> None:
        days = options["days"]
        entry = writing.suppress(
            _address(options["address"]),
            reason=Reason(options["reason"]),
            stream=options["stream"] or "",
            source="mailsuppression",
            detail=options["detail"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self._warn_of_stream(entry.stream)
        if options["stream"] and not entry.stream:
            self.stderr.write(f"{entry.reason} holds for all streams, not for one.")
        again = "" if entry.reported == 1 else " It was there already."
        stream = f" for the stream {entry.stream!r}" if entry.stream else ""
        self.stdout.write(f"It is on the list{stream} ({entry.reason}).{again}")

    def _remove(self, options: Mapping[str, Any]) -> None:
        gone = writing.lift(
            bare_address(options["address"]),
            reason=options["reason"] and Reason(options["reason"]),
            stream=options["stream"],
        )
        if not gone:
            raise CommandError("There is no such entry; `show` tells what there is.")
        self.stdout.write(f"{count_of(gone, 'entry', 'entries')} taken off the list.")

    def _export(self, options: Mapping[str, Any]) -> None:
        rows: QuerySet[Suppression] = entries()
        for name in ("reason", "stream"):
            if options[name] is not None:
                rows = rows.filter(**{name: options[name]})
        if options["file"] == "-":
            for line in listing.csv_lines(rows):
                self.stdout.write(line, ending="")
            return
        path = Path(options["file"])
        rows.exists()  # if it cannot be read, a file that is there stays as it is
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(listing.csv_lines(rows))
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{count_of(rows.count(), 'entry', 'entries')} in {path}.")

    def _import(self, options: Mapping[str, Any]) -> None:
        reason, dry_run = options["reason"], options["dry_run"]
        self._warn_of_stream(options["stream"])
        taken = _Taken()
        try:
            with _opened(options["file"]) as (file, size):
                progress = Progress(self.stderr, size)
                found = listing.read(file, reason=reason and Reason(reason))
                for batch in _batches(found, taken, options["stream"]):
                    counts = importing.take_over(batch, dry_run=dry_run)
                    taken.new += counts.new
                    taken.longer += counts.longer
                    taken.all += len(batch)
                    progress.show(_position(file), f"{taken.all:,} entries")
                progress.end()
        except listing.NotReadableError as error:
            raise CommandError(f"{options['file']}: {error}") from None
        for why in taken.refused[:_MOST_TOLD]:
            self.stderr.write(why)
        if count := taken.without_stream:
            self.stderr.write(
                f"{count_of(count, 'entry', 'entries')} for one stream will hold for all: "
                "bounces, complaints and what is no address are of the mailbox itself."
            )
        self.stdout.write(taken.summary(dry_run=dry_run))
        if count := len(taken.refused):
            raise CommandError(
                f"{count_of(count, 'line')} could not be taken over: "
                "correct them, or give --reason where none is known, and run it again."
            )


class _Taken:
    """What became of the lines of a file."""

    def __init__(self) -> None:
        self.all = self.new = self.longer = self.without_stream = 0
        self.refused: list[str] = []

    def summary(self, *, dry_run: bool) -> str:
        words = [f"{self.new:,} {'would be ' if dry_run else ''}added"]
        if self.longer:
            words.append(
                f"{self.longer:,} {'would last' if dry_run else 'last'} longer"
            )
        words.append(f"{self.all - self.new - self.longer:,} there already")
        return f"{'Dry run: ' if dry_run else ''}{', '.join(words)}."


def _batches(
    found: Iterator[listing.Entry | str], taken: _Taken, stream: str | None
) -> Iterator[list[listing.Entry]]:
    batch: list[listing.Entry] = []
    for entry in found:
        if isinstance(entry, str):
            taken.refused.append(entry)
            continue
        meant = entry if stream is None else entry.in_stream(stream)
        if meant.stream and not writing.stream_for(meant.reason, meant.stream):
            taken.without_stream += 1
        batch.append(meant)
        if len(batch) == importing.AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def _opened(name: str) -> Iterator[tuple[TextIO, int]]:
    """The file and its size in bytes; stdin has none."""
    if name == "-":
        yield sys.stdin, 0
        return
    path = Path(name)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file, path.stat().st_size
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def _position(file: TextIO) -> int:
    """In bytes, as far as it was read ahead."""
    return file.buffer.tell() if file is not sys.stdin else 0


def _address(given: str) -> str:
    address = bare_address(given)
    if "@" not in address.strip("@"):
        raise CommandError("That is no address; write one such as bob@example.com.")
    if len(bare_addresses(given)) > 1:
        raise CommandError("Those are several addresses; name one, or import a file.")
    return address


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}"


def _until(row: Suppression) -> str:
    return "for ever" if row.expires_at is None else _day(row.expires_at)


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--reason", choices=Reason.values, help="Entries with this reason alone."
    )
    parser.add_argument(
        "--stream", metavar="NAME", help='Entries for this stream alone; "" for all.'
    )


def _add_entry(parser: ArgumentParser) -> None:
    parser.add_argument("address")
    parser.add_argument(
        "--reason", choices=Reason.values, default="manual", help="Default: manual."
    )
    parser.add_argument(
        "--stream", metavar="NAME", help="Only mail of this stream. Default: all mail."
    )
    parser.add_argument("--detail", default="", metavar="TEXT", help="For people.")
    parser.add_argument(
        "--days", type=_positive, metavar="NUMBER", help="Default: for ever."
    )


def _add_import(parser: ArgumentParser) -> None:
    parser.add_argument("file", help="A file in UTF-8, or - for stdin.")
    parser.add_argument(
        "--reason",
        choices=Reason.values,
        help="For lines that say none that is known, or all where there is no column.",
    )
    parser.add_argument("--stream", metavar="NAME", help="For all lines.")
    parser.add_argument(
        "--dry-run", action="store_true", help="Count only, and write nothing."
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or (number := int(text)) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number of days, 1 or more")
    return number
