"""Rows are the same, whichever way a database takes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import DataError, connection, transaction
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_mailplus.outbox.models import OutboxMessage, Payload
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import inserting
from django_mailplus.outbox.rows.storing import store

pytestmark = pytest.mark.django_db

LATER = timezone.now().replace(microsecond=123_000) + timedelta(days=2)
ALL = OutboxOptions(
    priority="urgent",
    send_at=LATER,
    expires_at=LATER + timedelta(days=1),
    on_unknown="hold",
    sensitive=True,
    stream="news",
)
ODD = 'tab\t back\\slash "quoted" \\N \\. {x,y} ümläut'


def letter(subject=ODD):
    headers = {"Message-ID": "<one@example.com>"}
    to = [f'"{"o" * 30}\\\\dd"@example.com', "bob@example.com"]
    return EmailMessage(subject, ODD * 20, "ann@example.com", to, headers=headers)


def stored(count, options):
    store([(letter(), options)] * count, "smtp")
    rows = list(OutboxMessage.objects.order_by("id")[:count])
    documents = list(Payload.objects.order_by("mail").values_list("document"))[:count]
    found = [
        model_to_dict(row, exclude=["due_at", "give_up_at", "created_at"])
        for row in rows
    ]
    lasts = [row.give_up_at - row.due_at for row in rows]
    OutboxMessage.objects.all().delete()
    return found, [text.split('"Date"')[0] for (text,) in documents], lasts


@pytest.mark.parametrize("options", [OutboxOptions(), ALL], ids=["usual", "all"])
def test_many_are_stored_as_one(options):
    [row], [document], [lasts] = stored(1, options)
    rows, documents, all_last = stored(60, options)
    assert rows == [row] * 60
    assert documents == [document] * 60
    whole_day = timedelta(days=1)
    assert {*all_last, lasts} == {whole_day}


def test_many_are_due_by_the_databases_clock():
    before = timezone.now() - timedelta(seconds=5)
    store([(letter(), OutboxOptions())] * 60, "smtp")
    moments = OutboxMessage.objects.values_list("due_at", "created_at").distinct()
    assert all(before < m < timezone.now() + timedelta(seconds=5) for m in moments[0])


def test_statements_are_cut_where_a_server_would_refuse_them():
    row = {"mail": 1, "document": "x" * 900_000}
    sizes = [len(piece) for piece in inserting._pieces([row] * 7, 500)]
    assert sizes == [2, 2, 2, 1]
    assert [len(p) for p in inserting._pieces([{"a": 1}] * 5, 2)] == [2, 2, 1]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="of SQLite")
def test_sqlite_reads_one_statement_for_many_rows():
    with CaptureQueriesContext(connection) as captured:
        store([(letter(), OutboxOptions())] * 60, "smtp")
    written = [query["sql"] for query in captured if "INSERT" in query["sql"]]
    assert len(written) == 2
    assert all(" times: INSERT" in sql for sql in written)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")
def test_what_a_copy_cannot_take_is_djangos_error():
    rows = [{"mail": None, "document": "a\0"}] * 60
    with pytest.raises(DataError), transaction.atomic():
        inserting.insert(Payload, {}, rows)
    assert not Payload.objects.exists()


def test_who_watches_the_statements_sees_all_of_them():
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        store([(letter(), OutboxOptions())] * 60, "smtp")
    assert sum("INSERT" in sql for sql in seen) >= 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL")
def test_what_mails_say_is_compressed_with_lz4_where_the_server_can():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attcompression, 'lz4' = ANY (enumvals) FROM pg_attribute, pg_settings"
            " WHERE attrelid = %s::regclass AND attname = 'document'"
            " AND name = 'default_toast_compression'",
            [Payload._meta.db_table],
        )
        [(compression, known)] = cursor.fetchall()
    assert (compression == "l") is known
