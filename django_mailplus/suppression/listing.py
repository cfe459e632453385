"""The do-not-mail list as CSV, to and from other systems.

The first line names the columns. `address` is needed; the others are as in the table, and
what a provider exports may call them otherwise: see `COLUMNS`.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TextIO

from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from django_mailplus.columns import in_columns
from django_mailplus.message.envelope import bare_address, bare_addresses
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason

__all__ = ["COLUMNS", "Entry", "NotReadableError", "csv_lines", "read"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "address": ("address", "email", "email address", "emailaddress", "recipient"),
    "reason": ("reason", "type"),
    "stream": ("stream",),
    "source": ("source",),
    "detail": ("detail", "details", "description", "error", "status"),
    "expires_at": ("expires_at", "expires"),
    "created_at": ("created_at", "created", "date"),
}
"""The columns that are read, and what their heads may be, in small letters."""

# What exports of providers say; longer words are looked for in what they write.
_REASONS: Mapping[str, Reason] = {
    **{reason.value: reason for reason in Reason},
    "bounce": Reason.HARD_BOUNCE,
    "bounced": Reason.HARD_BOUNCE,
    "bounces": Reason.HARD_BOUNCE,
    "hard bounce": Reason.HARD_BOUNCE,
    "hard-bounce": Reason.HARD_BOUNCE,
    "hardbounce": Reason.HARD_BOUNCE,
    "complaints": Reason.COMPLAINT,
    "spam": Reason.COMPLAINT,
    "spam complaint": Reason.COMPLAINT,
    "spamcomplaint": Reason.COMPLAINT,
    "spam_report": Reason.COMPLAINT,
    "unsubscribed": Reason.UNSUBSCRIBE,
    "unsubscribes": Reason.UNSUBSCRIBE,
    "manualsuppression": Reason.MANUAL,
}
# Whatever opens a table must not run it: a cell that begins so is a formula to it. One
# that has our apostrophe by itself gets another, which is the one that is taken off again.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class NotReadableError(ValueError):
    """A file that is no such list; its words hold no address."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Entry:
    """One line that can be taken over."""

    address: str
    reason: Reason
    stream: str
    source: str
    detail: str
    expires_at: datetime.datetime | None
    created_at: datetime.datetime | None

    def in_stream(self, stream: str) -> Entry:
        return replace(self, stream=stream)


def csv_lines(rows: QuerySet[Suppression]) -> Iterator[str]:
    """A line for the columns, then one for each entry."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for row in rows.order_by("pk").iterator(chunk_size=2_000):
        values = [getattr(row, name) for name in COLUMNS]
        yield writer.writerow(map(_cell, values))


class _Line:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _cell(value: object) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def read(file: TextIO, *, reason: Reason | None = None) -> Iterator[Entry | str]:
    """The entries of a file; for a line that is none, its number and why, without its
    address.

    `reason` is for lines that say none, or for files without that column. Raises
    `NotReadableError` where there is no column of addresses, or a line that is no CSV.
    """
    try:
        yield from _entries(csv.DictReader(file), reason)
    except (csv.Error, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise NotReadableError(f"It is no CSV in UTF-8 ({kind}).") from None


def _entries(
    lines: csv.DictReader[str], reason: Reason | None
) -> Iterator[Entry | str]:
    heads = _heads(lines.fieldnames or ())
    if "address" not in heads:
        known = ", ".join(COLUMNS["address"])
        raise NotReadableError(
            f"The first line names no column of addresses (one of: {known}). "
            "It has the names of the columns, with commas between them."
        )
    for line in lines:
        said = {name: str(line.get(head) or "").strip() for name, head in heads.items()}
        found = _entry(said, reason)
        if isinstance(
            found, str
        ):  # of a cell with several lines, the number of its last
            found = f"Line {lines.line_num} {found}."
        yield found


def _heads(fields: Iterable[str]) -> dict[str, str]:
    """The names of our columns, and the heads under which they stand in this file."""
    there = {field.strip('\ufeff "').lower(): field for field in fields}
    return {
        name: there[head]
        for name, heads in COLUMNS.items()
        for head in reversed(heads)
        if head in there
    }


def _entry(said: Mapping[str, str], usual: Reason | None) -> Entry | str:
    address = bare_address(_plain(said["address"]))
    if "@" not in address or len(address) > 320 or not address.isprintable():
        return "has no address"
    if len(bare_addresses(_plain(said["address"]))) > 1:
        return "has several addresses"
    word = said.get("reason", "").lower()
    reason = _REASONS.get(word) or usual
    if reason is None:
        return f"has the reason {word[:30]!r}" if word else "has no reason"
    try:
        expires_at = _moment(said.get("expires_at", ""))
    except ValueError:
        return "has a time that cannot be read"
    return Entry(
        address=address,
        reason=reason,
        stream=_plain(said.get("stream", ""))[:100],
        source=_plain(said.get("source", "")),
        detail=_plain(said.get("detail", "")),
        expires_at=expires_at,
        created_at=_since(said.get("created_at", "")),
    )


def _since(text: str) -> datetime.datetime | None:
    """Only told to people: whoever writes it in another way is not mailed, either."""
    try:
        return _moment(text)
    except ValueError:
        return None


def _plain(cell: str) -> str:
    """As it was before it was written so that no table runs it."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


def _moment(text: str) -> datetime.datetime | None:
    if not text:
        return None
    moment = parse_datetime(text)
    if moment is None and (day := parse_date(text)) is not None:
        moment = datetime.datetime.combine(day, datetime.time())
    if moment is None:
        raise ValueError
    return in_columns(moment)
