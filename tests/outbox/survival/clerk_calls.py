"""What the clerk does when a test asks for it by name."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import signal
import time
from typing import Any

from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Count
from django.utils import timezone

from django_mailplus.compat import get_mailer
from django_mailplus.message import snapshot
from django_mailplus.outbox import models
from django_mailplus.outbox.clock import DatabaseNow
from django_mailplus.outbox.models import Attempt, OutboxMessage, Payload, Recipient
from django_mailplus.outbox.rows import reaping
from django_mailplus.outbox.sending import worker

_TABLES = (
    models.OutboxMessage,
    models.Blob,
    models.Payload,
    models.Recipient,
    models.Attempt,
    models.ProviderMessage,
    models.TrackingEvent,
    models.MailerState,
)


# --- The database --------------------------------------------------------------------


def create_tables() -> None:
    """Without the history of the migrations: that is tested elsewhere."""
    with connection.schema_editor() as editor:
        for model in _TABLES:
            editor.create_model(model)


def start_over() -> None:
    through: Any = Payload.blobs.through
    for model in (through, *reversed(_TABLES)):
        model._default_manager.all().delete()


def enqueue(
    count: int, mailer: str = "default", due_in: float = 0.0, **fields: Any
) -> list[str]:
    """Their Message-IDs."""
    letters: list[Any] = [letter(number, **fields) for number in range(count)]
    if due_in:
        later = timezone.now() + datetime.timedelta(seconds=due_in)
        for each in letters:
            each.outbox = {"send_at": later}
    before = set(OutboxMessage.objects.values_list("pk", flat=True))
    get_mailer(mailer).send_messages(letters)
    new = OutboxMessage.objects.exclude(pk__in=before).order_by("pk")
    return list(new.values_list("message_id", flat=True))


def enqueue_for_ever() -> None:
    while True:
        enqueue(10)


def enqueue_elsewhere(count: int, skew: float) -> None:
    _shift_clock(skew)
    enqueue(count)


def letter(number: int, **fields: Any) -> EmailMessage:
    values = {"to": [f"bob{number}@example.com"]} | fields
    return EmailMessage(f"No {number}", f"Body {number}\n" * 20, "a@b.org", **values)


def states() -> dict[str, int]:
    found = OutboxMessage.objects.values_list("state").annotate(Count("pk"))
    return dict(found.order_by())


def mails(**filters: Any) -> list[dict[str, Any]]:
    found = OutboxMessage.objects.filter(**filters).order_by("pk")
    names = ("id", "state", "message_id", "attempts", "claimed_by", "code", "text")
    seconds = {"wait": models.models.F("due_at") - DatabaseNow()}
    rows = []
    for mail in found.annotate(**seconds):
        row = {name: getattr(mail, name) for name in names}
        row["wait"] = mail.wait.total_seconds()
        row["tries"] = list(mail.tries.values_list("outcome", flat=True))
        row["fates"] = dict(mail.fates.values_list("address", "state"))
        rows.append(row)
    return rows


def outcomes() -> dict[str, int]:
    """How many attempts each Message-ID has."""
    found = Attempt.objects.values_list("mail__message_id").annotate(Count("pk"))
    return dict(found.order_by())


def claimed_by(pid: int) -> list[str]:
    """What a worker had on its way when it ended."""
    found = OutboxMessage.objects.filter(
        state="sending", claimed_by__endswith=f":{pid}"
    )
    return list(found.values_list("message_id", flat=True))


def is_locked() -> bool:
    """Whether anybody is in the middle of a transaction."""
    try:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 50")
        with transaction.atomic():
            Recipient.objects.filter(pk=-1).update(text="")  # SQLite's one lock
            list(OutboxMessage.objects.select_for_update(nowait=True).values_list("pk"))
    except DatabaseError:
        connection.close()
        return True
    connection.close()
    return False


def take_and_die(message_id: str) -> None:
    """Leave a mail as a worker does that dies with it, and let the lease be over."""
    OutboxMessage.objects.filter(message_id=message_id).update(
        state="sending",
        attempts=1,
        claim_token="gone",
        claimed_by="gone:1",
        handover_started_at=DatabaseNow(),
        lease_until="2020-01-01T00:00:00Z",
    )


def reap() -> int:
    return reaping.reap()


def hurry() -> int:
    """Let nothing wait for its next try, nor the mailer."""
    models.MailerState.objects.all().delete()
    # Not by the verb, which would wake the thread of this process.
    return OutboxMessage.objects.filter(state="queued").update(due_at=DatabaseNow())


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def change_documents(text: str | None = None, **values: Any) -> None:
    """Of all mails that there are."""
    for payload in Payload.objects.all():
        document = json.loads(payload.document) | values
        payload.document = json.dumps(document) if text is None else text
        payload.save()


def end_connections() -> int:
    """All that others have to this database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return len(cursor.fetchall())
        cursor.execute(
            "SELECT id FROM information_schema.processlist "
            "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        found = cursor.fetchall()
        for (number,) in found:
            with contextlib.suppress(OperationalError):  # it has just ended by itself
                cursor.execute(f"KILL {number:d}")
        return len(found)


_IMPATIENT = {
    "postgresql": "SET lock_timeout = '200ms'",
    "mysql": "SET innodb_lock_wait_timeout = 1",
    "sqlite": "PRAGMA busy_timeout = 100",
}


# --- Processes -----------------------------------------------------------------------


def work(
    *,
    drain: bool = False,
    lease: float = 2.0,
    poll: float = 0.05,
    look_after: float = 0.3,
    skew: float = 0.0,
    version: int = snapshot.VERSION,
    concurrency: int | None = None,
    impatient: bool = False,
) -> None:
    """A worker; `skew` are seconds by which the clock of its host is wrong."""
    worker._HOUSEKEEPING = look_after
    snapshot.VERSION = version
    if skew:
        _shift_clock(skew)
    if impatient:
        sql(_IMPATIENT[connection.vendor])
    worker.Worker(["smtp"], lease=lease, poll=poll, concurrency=concurrency).run(
        drain=drain
    )


def command(arguments: list[str]) -> None:
    """`manage.py runmailworker`, with its signals."""
    worker._HOUSEKEEPING = 0.3
    call_command("runmailworker", *arguments)


def leave_on_sigterm() -> None:
    """A worker at its second signal."""
    worker._HOUSEKEEPING = 0.3
    ours = worker.Worker(["smtp"], poll=0.05)
    signal.signal(signal.SIGTERM, lambda *_: ours.leave(3))
    ours.run()


def interrupted(seconds: float) -> None:
    """A worker with a signal in every moment."""
    ours = worker.Worker(["smtp"], poll=0.0001, lease=2.0)
    until = time.monotonic() + seconds

    def handle(number: int, frame: object) -> None:
        ours.wakeup.set()
        if time.monotonic() > until:
            signal.setitimer(signal.ITIMER_REAL, 0)
            ours.stop.set()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.0002)
    ours.run()


def send_and_report(
    path: str, *, mailer: str = "thread", batch: int = 5, pause: float = 0.0,
    batches: int = 1_000_000,
) -> None:  # fmt: skip
    """Send without end, and write down each Message-ID whose commit has returned."""
    worker._HOUSEKEEPING = 0.3
    with open(path, "ab", buffering=0) as report:  # noqa: PTH123
        for number in range(batches):
            letters = [letter(n) for n in range(batch)]
            for n, each in enumerate(letters):
                each.extra_headers["Message-ID"] = f"<{os.getpid()}.{number}.{n}@b.org>"
            get_mailer(mailer).send_messages(letters)
            ids = [each.extra_headers["Message-ID"] for each in letters]
            report.write("".join(f"{each}\n" for each in ids).encode())
            time.sleep(pause)


def lock_one(message_id: str, seconds: float) -> None:
    """As somebody does who is frozen in a transaction."""
    with transaction.atomic():
        OutboxMessage.objects.filter(message_id=message_id).update(subject="mine")
        time.sleep(seconds)


def cross_locks(message_id: str, seconds: float) -> None:
    """Take one mail, then all others while somebody waits for us: a deadlock."""
    with transaction.atomic():
        Attempt.objects.bulk_create(  # who has written more is not the victim
            Attempt(mail=OutboxMessage.objects.get(message_id=message_id), worker="-")
            for _ in range(200)
        )
        OutboxMessage.objects.filter(message_id=message_id).update(subject="mine")
        time.sleep(seconds)
        OutboxMessage.objects.exclude(message_id=message_id).update(subject="mine")
        transaction.set_rollback(True)


def _shift_clock(seconds: float) -> None:
    """For whatever asks Python for the time."""
    real_time, real_ns, real = time.time, time.time_ns, datetime.datetime

    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return real.now(tz) + datetime.timedelta(seconds=seconds)

    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)
    timezone.datetime = Shifted  # type: ignore[attr-defined]


def mails_without_content() -> int:
    return OutboxMessage.objects.filter(payload=None).count()


def give_up() -> int:
    """Let the time be over in which mails are tried again."""
    return OutboxMessage.objects.update(give_up_at=DatabaseNow())


def delete_all() -> None:
    OutboxMessage.objects.all().delete()
