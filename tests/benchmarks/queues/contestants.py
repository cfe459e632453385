"""Who does what in each row: the peer first, the outbox second, others beside them."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import corpus
from benchmarks.queues import project
from benchmarks.rounds import Contestant
from django.core.mail import EmailMessage

__all__ = ["connections", "drain", "enqueue", "one_by_one", "processes"]

WORKER = Path(__file__).with_name("worker.py")


def _ours() -> Any:
    from django_mailplus.backends.outbox import EmailBackend

    return EmailBackend(dispatch="worker")


def _post_office() -> Any:
    from post_office import EmailBackend

    return EmailBackend()


def _mailer() -> Any:
    from mailer.backend import DbBackend

    return DbBackend()


def _contestant(
    name: str,
    prepare: Callable[[int], Any],
    work: Callable[[Any], int],
    module: str = "",
) -> Contestant:
    why = project.missing(module) if module else ""
    return Contestant(name=name, prepare=prepare, work=work, missing=why)


def _messages(count: int) -> list[EmailMessage]:
    project.empty()
    return list(corpus.messages(corpus.english, count))


def enqueue() -> list[Contestant]:
    """All in one call."""

    def work(make: Callable[[], Any], prepared: list[EmailMessage]) -> int:
        make().send_messages(prepared)
        return len(prepared)

    return [
        _contestant(
            "django-post_office", _messages, partial(work, _post_office), "post_office"
        ),
        _contestant("django-mailplus", _messages, partial(work, _ours)),
        _contestant("django-mailer", _messages, partial(work, _mailer), "mailer"),
    ]


def one_by_one() -> list[Contestant]:
    """One mail a transaction, as in requests; what two bare rows cost is the measure."""

    def prepare(count: int) -> list[EmailMessage]:
        from django.db import connection

        with connection.cursor() as cursor:
            for table, columns in (
                ("bare_mail", "id char(32) PRIMARY KEY, state text, due_at text"),
                ("bare_payload", "id char(32) PRIMARY KEY, document text"),
            ):
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
                cursor.execute(f"CREATE TABLE {table} ({columns})")
        return _messages(count)

    def bare(prepared: list[EmailMessage]) -> int:
        from django.db import connection, transaction

        for message in prepared:
            key = uuid.uuid4().hex
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO bare_mail VALUES (%s, %s, %s)", [key, "queued", "now"]
                )
                document = message.body + message.alternatives[0][0]
                cursor.execute(
                    "INSERT INTO bare_payload VALUES (%s, %s)", [key, document]
                )
        return len(prepared)

    def each(make: Callable[[], Any], prepared: list[EmailMessage]) -> int:
        for message in prepared:
            make().send_messages([message])
        return len(prepared)

    return [
        _contestant("two bare rows", prepare, bare),
        _contestant("django-mailplus", prepare, partial(each, _ours)),
        _contestant(
            "django-post_office", prepare, partial(each, _post_office), "post_office"
        ),
        _contestant("django-mailer", prepare, partial(each, _mailer), "mailer"),
    ]


def _queued(make: Callable[[], Any], count: int) -> int:
    make().send_messages(_messages(count))
    return count


def _drain_ours(concurrency: int | None, count: int) -> int:
    from django_mailplus.outbox.models import OutboxMessage
    from django_mailplus.outbox.sending.worker import Worker

    Worker([""], concurrency=concurrency).run(drain=True)
    return OutboxMessage.objects.filter(state="sent").count()


def _drain_post_office(count: int) -> int:
    from post_office.mail import send_queued_mail_until_done
    from post_office.models import STATUS, Email

    send_queued_mail_until_done()
    return Email.objects.filter(status=STATUS.sent).count()


def _drain_mailer(count: int) -> int:
    from mailer.engine import send_all
    from mailer.models import MessageLog

    send_all()
    return MessageLog.objects.count()


def drain() -> list[Contestant]:
    """One process, each queue at its defaults, ours with 8 connections as well."""
    return [
        _contestant(
            "django-post_office",
            partial(_queued, _post_office),
            _drain_post_office,
            "post_office",
        ),
        _contestant(
            "django-mailplus, concurrency=8",
            partial(_queued, _ours),
            partial(_drain_ours, 8),
        ),
        _contestant(
            "django-mailplus at its defaults",
            partial(_queued, _ours),
            partial(_drain_ours, None),
        ),
        _contestant(
            "django-mailer", partial(_queued, _mailer), _drain_mailer, "mailer"
        ),
    ]


def connections() -> list[Contestant]:
    """Far from the server: post_office with its threads, ours with 8 connections."""
    return drain()[:2]


def processes(settings: tuple[str, str, int]) -> list[Contestant]:
    """One worker process and four, which start before the clock does."""

    def prepare(number: int, count: int) -> Iterator[None]:
        _queued(_ours, count)
        workers = [
            subprocess.Popen(
                [sys.executable, str(WORKER), *map(str, settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(number)
        ]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()  # it is ready
        return iter(_together(workers))

    def work(running: Iterator[None]) -> int:
        from django_mailplus.outbox.models import Attempt, OutboxMessage

        for _ in running:
            pass
        sent = OutboxMessage.objects.filter(state="sent").count()
        if (tries := Attempt.objects.count()) != sent:
            raise RuntimeError(f"{tries} tries for {sent} mails: claimed twice")
        return sent

    return [
        _contestant("one worker", partial(prepare, 1), work),
        _contestant("four workers", partial(prepare, 4), work),
    ]


def _together(workers: list[subprocess.Popen[str]]) -> Iterator[None]:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        with worker:
            while worker.poll() is None:
                time.sleep(0.01)
        if worker.returncode:
            raise RuntimeError(f"a worker ended with {worker.returncode}")
        yield
