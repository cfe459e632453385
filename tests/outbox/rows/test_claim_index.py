"""A claim reads what is due in the order of its index, however many mails there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.rows import statements

EXPLAIN = {
    "sqlite": "EXPLAIN QUERY PLAN ",
    "postgresql": "EXPLAIN ",
    "mysql": "EXPLAIN ",
}
INDEX = "mailplus_outbox_claim"


@pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits on MariaDB
def test_the_index_finds_what_is_due():
    now = timezone.now()
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                mailer="smtp",
                state="queued" if number < 200 else "sent",
                due_at=now + timedelta(hours=-1 if number < 100 else 1),
                give_up_at=now + timedelta(days=1),
                mail_from="ann@example.com",
                recipients=["bob@example.com"],
            )
            for number in range(5_000)
        ],
        batch_size=500,
    )
    with connection.cursor() as cursor:
        table = OutboxMessage._meta.db_table
        analyze = "ANALYZE TABLE" if connection.vendor == "mysql" else "ANALYZE"
        cursor.execute(f"{analyze} {table}")
        cursor.fetchall() if connection.vendor == "mysql" else None
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        assert len(statements.due("smtp", 3, 50)) == 50
    [query] = captured.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(EXPLAIN[connection.vendor] + query["sql"])
        plan = "\n".join(str(row) for row in cursor.fetchall())
    assert INDEX in plan
    assert "sort" not in plan.lower().replace("filesort", "sort")
    assert "TEMP B-TREE" not in plan
