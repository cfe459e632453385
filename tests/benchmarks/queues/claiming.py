"""How long a claim takes in a table with many rows, few of which are due."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

from benchmarks.queues import project
from django.utils import timezone

__all__ = ["fill", "milliseconds"]

_DUE = 1_000
_AT_ONCE = 20_000


def fill(count: int) -> None:
    """So many rows: a thousand due, as many due later, the others sent; of fewer than two
    thousand half are due.
    """
    from django.db import connection

    from django_mailplus.outbox.models import OutboxMessage, Payload

    project.empty()
    now = timezone.now()
    for start in range(0, count, _AT_ONCE):
        rows = [
            OutboxMessage(
                mailer="",
                state="queued" if number < 2 * _DUE else "sent",
                due_at=now + timedelta(hours=1 if number % 2 else -1),
                give_up_at=now + timedelta(days=1),
                finalised_at=None if number < 2 * _DUE else now,
                mail_from="shop@example.com",
                recipients=["customer@example.com"],
                message_id=f"<{number}@example.com>",
            )
            for number in range(start, min(start + _AT_ONCE, count))
        ]
        OutboxMessage.objects.bulk_create(rows, batch_size=1_000)
        if start == 0:
            queued = [row for row in rows if row.state == "queued"]
            Payload.objects.bulk_create(
                [Payload(mail=row, document="{}") for row in queued], batch_size=1_000
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def milliseconds(count: int, *, rounds: int) -> float:
    """The median of a claim of 100; what was claimed is given back."""
    from django_mailplus.outbox.rows import claims

    fill(count)
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        held = claims.claim("", 100, worker="measuring", lease=60)
        taken.append(time.perf_counter() - started)
        if len(held) != min(100, count):
            raise RuntimeError(f"{len(held)} mails claimed")
        claims.release(held)
    return statistics.median(taken) * 1_000
