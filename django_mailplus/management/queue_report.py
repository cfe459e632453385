"""The outbox in words and tables: what `mailqueue` prints, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.core.management.color import Style
from django.utils import timezone

from django_mailplus.figures import duration
from django_mailplus.management.terminal import table
from django_mailplus.outbox.actions.verbs import VERBS
from django_mailplus.outbox.content import UnreadableError, read_bytes
from django_mailplus.outbox.mailers.stranding import explain
from django_mailplus.outbox.models import (
    Attempt,
    OutboxMessage,
    Payload,
    Recipient,
    database,
)
from django_mailplus.outbox.states import Priority, State
from django_mailplus.outbox.status import MailerStatus, QueueStatus
from django_mailplus.viewer import clean_line, clean_text, view

__all__ = [
    "ContentError",
    "details",
    "details_as_json",
    "listing",
    "listing_as_json",
    "next_steps",
    "raw_source",
    "readable",
    "status",
    "status_as_json",
]

_HIDDEN = "(sensitive)"
_USUAL = (State.QUEUED, State.SENDING, State.SENT, State.FAILED)


class ContentError(Exception):
    """What a mail says cannot be shown."""


# --- Of all mails --------------------------------------------------------------------


def status(found: QueueStatus, style: Style, columns: int | None) -> Iterator[str]:
    if not found.mailers:
        yield "The outbox is empty."
        return
    counts = found.counts
    shown = [state for state in State if counts[state] or state in _USUAL]
    head = ["mailer", "due", "oldest", *(str(state.label) for state in shown)]
    rows = [_row(mailer, shown) for mailer in found.mailers]
    if len(rows) > 1:
        total = [f"{counts[state]:,}" for state in shown]
        rows.append(["all", f"{found.due:,}", _age(found.oldest), *total])
    lines = table(head, rows, columns=columns, right=range(1, len(head)), elastic=(0,))
    yield style.MIGRATE_HEADING(lines[0])
    yield from lines[1:]
    for mailer in found.mailers:
        if mailer.paused:
            yield style.WARNING(_pause(mailer))
        if mailer.stranded:
            yield style.WARNING(clean_line(explain(mailer.alias, mailer.stranded)))


def _row(mailer: MailerStatus, shown: Iterable[State]) -> list[str]:
    counts = [f"{mailer.counts.get(state, 0):,}" for state in shown]
    return [_name(mailer.alias), f"{mailer.due:,}", _age(mailer.oldest), *counts]


def _pause(mailer: MailerStatus) -> str:
    until = (
        "" if mailer.paused_until is None else f" until {_time(mailer.paused_until)}"
    )
    how = " by hand" if mailer.paused_by_hand else until
    why = f": {clean_line(mailer.reason)}" if mailer.reason else ""
    return f"{_name(mailer.alias)} is paused{how}{why}"


def status_as_json(found: QueueStatus) -> dict[str, Any]:
    return {
        "due": found.due,
        "oldest_seconds": round(found.oldest, 3),
        "counts": {str(state): count for state, count in found.counts.items()},
        "mailers": [
            {
                "mailer": mailer.alias,
                "due": mailer.due,
                "oldest_seconds": round(mailer.oldest, 3),
                "counts": {str(s): mailer.counts.get(s, 0) for s in State},
                "stranded": mailer.stranded,
                "paused": mailer.paused,
                "paused_by_hand": mailer.paused_by_hand,
                "paused_until": _iso(mailer.paused_until),
                "reason": mailer.reason,
            }
            for mailer in found.mailers
        ],
    }


def listing(
    mails: Iterable[OutboxMessage], style: Style, columns: int | None
) -> Iterator[str]:
    rows = [
        [
            str(mail.pk),
            str(State(mail.state).label),
            _name(mail.mailer),
            _time(_moment(mail), short=columns is not None),
            _to(mail),
            _subject(mail),
        ]
        for mail in mails
    ]
    if not rows:
        yield "There is no such mail."
        return
    head = ["id", "state", "mailer", "when", "to", "subject"]
    lines = table(head, rows, columns=columns, elastic=(2, 4, 5))
    yield style.MIGRATE_HEADING(lines[0])
    yield from lines[1:]


def listing_as_json(mails: Iterable[OutboxMessage]) -> list[dict[str, Any]]:
    return [_facts(mail) for mail in mails]


# --- Of one mail ---------------------------------------------------------------------


def details(mail: OutboxMessage, style: Style, columns: int | None) -> Iterator[str]:
    facts = [
        ("Mail", str(mail.pk)),
        ("State", str(State(mail.state).label)),
        ("Mailer", _name(mail.mailer)),
        ("Priority", str(Priority(mail.priority).label)),
        ("Stream", mail.stream),
        ("Subject", _subject(mail)),
        ("From", mail.mail_from or "<>"),
        *(("To", address) for address in mail.recipients),
        ("Message-ID", mail.message_id),
        ("Created", _time(mail.created_at)),
        ("Due", _time(mail.due_at) if mail.state == State.QUEUED else ""),
        ("Expires", _time(mail.expires_at)),
        ("Finished", _time(mail.finalised_at)),
        ("Handed over", _time(mail.handover_started_at)),
        ("Worker", mail.claimed_by if mail.state == State.SENDING else ""),
        ("Key", mail.idempotency_key or ""),
        ("Reply", _reply(mail)),
    ]
    for name, value in facts:
        if value:
            yield f"{style.SQL_TABLE(f'{name:<11}')}  {clean_line(value)}"
    fates = [
        [fate.address, str(State(fate.state).label), _reply(fate)]
        for fate in _fates(mail)
    ]
    yield from _part("Recipients", ["to", "state", "reply"], fates, style, columns)
    tries = [
        [_time(a.ended_at), a.outcome, f"{a.seconds:.1f} s", a.worker, _reply(a)]
        for a in _tries(mail)
    ]
    head = ["when", "outcome", "took", "worker", "reply"]
    yield from _part("Tries", head, tries, style, columns)


def _part(
    title: str,
    head: list[str],
    rows: list[list[str]],
    style: Style,
    columns: int | None,
) -> Iterator[str]:
    if rows:
        yield ""
        yield style.MIGRATE_HEADING(title)
        last = len(head) - 1
        yield from table(head, rows, columns=columns, elastic=(0, last - 1, last))


_NEXT: Mapping[State, Mapping[str, str]] = {
    State.FAILED: {"retry": "To try again"},
    State.EXPIRED: {"retry": "To send it all the same"},
    State.PARTIAL: {
        "retry": "To try again for those who have not got it",
        "requeue": "To send it to everybody once more",
    },
    State.UNKNOWN: {
        "retry": "To send it again, perhaps for the second time",
        "mark_sent": "If you know that it arrived",
    },
    State.SUPPRESSED: {"requeue": "To try again"},
    State.CANCELLED: {"requeue": "To send it all the same"},
    State.HELD: {"release": "To send it"},
}


def next_steps(mail: OutboxMessage) -> Iterator[str]:
    """What somebody can do who finds it as it is; nothing where it takes its course."""
    if not (steps := _NEXT.get(State(mail.state))):
        return
    yield ""
    has_content = Payload.objects.using(database()).filter(mail=mail).exists()
    if not has_content:
        yield "What it said has been erased: it cannot be sent again."
    for verb, what in steps.items():
        if VERBS[verb].suits(mail, has_content=has_content):
            name = verb.replace("_", "-")
            yield f"{what}: manage.py mailqueue {name} {mail.pk}"


def details_as_json(mail: OutboxMessage) -> dict[str, Any]:
    return _facts(mail) | {
        "fates": [
            {"address": fate.address, "state": fate.state, "reply": _reply(fate)}
            for fate in _fates(mail)
        ],
        "tries": [
            {
                "ended_at": _iso(attempt.ended_at),
                "seconds": attempt.seconds,
                "worker": attempt.worker,
                "outcome": attempt.outcome,
                "reply": _reply(attempt),
            }
            for attempt in _tries(mail)
        ],
    }


def raw_source(mail: OutboxMessage) -> bytes:
    """As it goes over the wire. Raises `ContentError`."""
    try:
        return read_bytes(mail)
    except UnreadableError as error:
        detail = error.detail.removesuffix(".")
        raise ContentError(_WHY[error.why].format(detail)) from None


_WHY = {
    "sensitive": "What this mail says is sensitive, and is not shown.",
    "erased": "What this mail said has been erased.",
    "broken": "What this mail says cannot be read: {}.",
}


def readable(raw: bytes) -> Iterator[str]:
    """The text of a message, else of its HTML part, and what is attached."""
    seen = view(raw)
    yield clean_text(seen.text or seen.html or "(no text)").rstrip("\n")
    for part in seen.attachments:
        name = part.filename or "(no name)"
        yield f"[{clean_line(name)}  {clean_line(part.content_type)}, {part.size:,} bytes]"


# --- Pieces --------------------------------------------------------------------------


def _facts(mail: OutboxMessage) -> dict[str, Any]:
    return {
        "id": str(mail.pk),
        "state": mail.state,
        "mailer": mail.mailer,
        "priority": Priority(mail.priority).name.lower(),
        "stream": mail.stream,
        "attempts": mail.attempts,
        "mail_from": mail.mail_from,
        "recipients": mail.recipients,
        "subject": None if mail.sensitive else mail.subject,
        "sensitive": mail.sensitive,
        "message_id": mail.message_id,
        "idempotency_key": mail.idempotency_key,
        "created_at": _iso(mail.created_at),
        "due_at": _iso(mail.due_at),
        "expires_at": _iso(mail.expires_at),
        "finalised_at": _iso(mail.finalised_at),
        "reply": _reply(mail),
    }


def _fates(mail: OutboxMessage) -> Iterable[Recipient]:
    return Recipient.objects.using(database()).filter(mail=mail).order_by("pk")


def _tries(mail: OutboxMessage) -> Iterable[Attempt]:
    return Attempt.objects.using(database()).filter(mail=mail).order_by("pk")


def _moment(mail: OutboxMessage) -> datetime:
    """When it was over; else when it is due."""
    return mail.finalised_at or mail.due_at


def _subject(mail: OutboxMessage) -> str:
    return _HIDDEN if mail.sensitive else mail.subject


def _to(mail: OutboxMessage) -> str:
    more = len(mail.recipients) - 1
    return f"{mail.recipients[0]}{f' +{more}' if more > 0 else ''}" if more >= 0 else ""


def _reply(row: OutboxMessage | Recipient | Attempt) -> str:
    said = (str(row.code) if row.code else "", row.enhanced, row.text)
    return " ".join(filter(None, said))


def _name(alias: str) -> str:
    return alias or "(default)"


def _age(seconds: float) -> str:
    return duration(seconds) if seconds else ""


def _time(moment: datetime | None, *, short: bool = False) -> str:
    """In the project's time zone; short is the day, or the time if it is today."""
    if moment is None:
        return ""
    aware = timezone.is_aware(moment)
    local = timezone.localtime(moment) if aware else moment
    if not short:
        return f"{local:%Y-%m-%d %H:%M:%S}"
    now = timezone.localtime() if aware else datetime.now()  # noqa: DTZ005
    return f"{local:%H:%M:%S}" if local.date() == now.date() else f"{local:%Y-%m-%d}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
