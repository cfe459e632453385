"""How long workers' turns take in a table with many rows, few of which are due."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from benchmarks.queues import project
from django.utils import timezone

__all__ = ["TURNS", "fill", "milliseconds"]

_DUE = 1_000
_BY_THE_MODEL = 2_000  # sent mails; PostgreSQL multiplies them
_WORKER = {"worker": "measuring", "lease": 60.0}

TURNS = ("a claim of 24", "a claim of 100", "24 told of and 24 claimed")


def fill(count: int) -> None:
    """So many rows: a thousand due, as many due later, the others sent, one a second, and
    so recently; of fewer than two thousand half are due.
    """
    from django.db import connection

    project.empty()
    now = timezone.now()
    queued = min(count, 2 * _DUE)
    sent = count - queued
    postgresql = connection.vendor == "postgresql"
    written = min(sent, _BY_THE_MODEL) if postgresql else sent
    _write_sent(written, now)
    if sent > written:
        _multiply(written, sent - written)
    _write_queued(queued, now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if postgresql else "ANALYZE")
        if postgresql:
            cursor.execute("CHECKPOINT")  # or it would write while we measure


def _write_sent(count: int, now: datetime) -> None:
    from django_mailplus.outbox.models import OutboxMessage

    moments = [now - timedelta(seconds=count - number) for number in range(count)]
    rows = (
        OutboxMessage(
            state="sent",
            due_at=moment,
            created_at=moment,
            finalised_at=moment,
            give_up_at=moment + timedelta(days=1),
            attempts=1,
            claim_token=f"{number:032x}",
            claimed_by="host/1234",
            handover_started_at=moment,
            **_usual(number),
        )
        for number, moment in enumerate(moments)
    )
    OutboxMessage.objects.bulk_create(rows, batch_size=1_000)


def _usual(number: int) -> dict[str, object]:
    return {
        "mailer": "",
        "mail_from": "shop@example.com",
        "recipients": ["customer@example.com"],
        "subject": f"Your order {number} is on its way",
        "message_id": f"<179524046262.1711.{10**19 + number}@localhost>",
    }


def _multiply(written: int, more: int) -> None:
    """Copies of the mails that were sent, from before them, each with the id of its time.

    In the order of time, in which a table grows: so its indexes are as dense as they would be.
    """
    from django.db import connection

    from django_mailplus.outbox.models import OutboxMessage

    times = -(-more // written)
    quote = connection.ops.quote_name
    columns = [field.column for field in OutboxMessage._meta.concrete_fields]
    earlier = f"s.times * interval '{written} seconds'"
    values = {column: f"o.{quote(column)}" for column in columns}
    for column in ("due_at", "created_at", "finalised_at", "handover_started_at"):
        values[column] += f" - {earlier}"
    milliseconds = f"lpad(to_hex((extract(epoch FROM {values['due_at']}) * 1000)::bigint), 12, '0')"
    values["id"] = (  # of version 7: see `models.new_id`
        f"overlay(gen_random_uuid()::text PLACING left({milliseconds}, 8) || '-'"
        f" || right({milliseconds}, 4) || '-7' FROM 1)::uuid"
    )
    number = "(10000000000000000000 + floor(random() * 1e18))::numeric(20)"
    values["message_id"] = f"'<179524046262.1711.' || {number} || '@localhost>'"
    table = quote(OutboxMessage._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(quote, columns))})"  # noqa: S608
            f" SELECT {', '.join(values.values())} FROM {table} AS o,"
            " generate_series(1, %s) AS s(times)"
            f" ORDER BY {values['due_at']} OFFSET %s",
            [times, times * written - more],
        )


def _write_queued(count: int, now: datetime) -> None:
    from django_mailplus.outbox.models import OutboxMessage, Payload

    rows = [
        OutboxMessage(
            due_at=now + timedelta(hours=1 if number % 2 else -1, milliseconds=number),
            give_up_at=now + timedelta(days=1),
            **_usual(number),
        )
        for number in range(count)
    ]
    OutboxMessage.objects.bulk_create(rows, batch_size=1_000)
    Payload.objects.bulk_create(
        [Payload(mail=row, document="{}") for row in rows], batch_size=1_000
    )


def milliseconds(count: int, *, rounds: int) -> list[float]:
    """The median of each of `TURNS`; what was claimed or told is taken back each time."""
    fill(count)
    turns = (_claims(24, count), _claims(100, count), _exchanges(24))
    return [_median(each, rounds) for each in turns]


def _median(turns: Iterator[float], rounds: int) -> float:
    next(turns)  # the first one finds nothing in memory
    return statistics.median(next(turns) for _ in range(rounds)) * 1_000


def _claims(size: int, count: int) -> Iterator[float]:
    from django_mailplus.outbox.rows import claims

    while True:
        started = time.perf_counter()
        held = claims.claim("", size, **_WORKER)
        elapsed = time.perf_counter() - started
        if len(held) != min(size, count):
            raise RuntimeError(f"{len(held)} mails claimed")
        claims.release(held)
        yield elapsed


def _exchanges(size: int) -> Iterator[float]:
    """A worker's whole turn: what was sent goes in, as many come out."""
    from django_mailplus.outbox.judging.verdicts import Verdict
    from django_mailplus.outbox.models import Attempt, OutboxMessage
    from django_mailplus.outbox.rows import claims
    from django_mailplus.outbox.rows.exchange import exchange
    from django_mailplus.outbox.states import State

    accepted = Verdict(state=State.SENT, outcome="accepted", code=250, text="ok")
    turn = {"mailer": "", "limit": size, **_WORKER}
    while True:
        told = [(each, accepted) for each in claims.claim("", size, **_WORKER)]
        started = time.perf_counter()
        done, held = exchange(told, token=claims.new_token(), **turn)
        elapsed = time.perf_counter() - started
        if (len(done), len(held)) != (size, size):
            raise RuntimeError(f"{len(done)} mails told of, {len(held)} claimed")
        OutboxMessage.objects.filter(
            pk__in=[*done, *(each.id for each in held)]
        ).update(state="queued", attempts=0, finalised_at=None, **claims.NOT_CLAIMED)
        Attempt.objects.all().delete()
        yield elapsed
