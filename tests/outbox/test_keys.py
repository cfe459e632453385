"""One key, one mail, also where somebody else stores it at the same moment."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import OperationalError, connection, transaction
from outbox.mailing import in_thread, states

from django_mailplus.outbox import enqueue
from django_mailplus.outbox.models import OutboxMessage

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer"),
]

_ISOLATE = {
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {}",
    "mysql": "SET SESSION TRANSACTION ISOLATION LEVEL {}",
}


@pytest.fixture
def isolated(request):
    def isolate(level):
        with connection.cursor() as cursor:
            cursor.execute(_ISOLATE[connection.vendor].format(level))

    isolate(request.param)
    yield request.param
    connection.close()


def order(subject):
    message = EmailMessage(subject, "Thanks", "ann@example.com", ["bob@b.org"])
    return enqueue(message, idempotency_key="order 7")


@pytest.fixture
def overtaken(monkeypatch):
    """Somebody else stores the mail, just before our own INSERT."""
    others = []

    def strike(execute, sql, params, many, context):
        if not others and "order 7" in str(params) and "INSERT" in sql:
            others.append(None)
            others[0] = in_thread(lambda: order("theirs"))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(strike):
        yield others


@pytest.mark.parametrize("isolated", ["READ COMMITTED"], indirect=True)
def test_who_comes_second_gets_the_mail_of_the_first(outbox, isolated, overtaken):
    outbox(dispatch="worker")
    with transaction.atomic():
        mail = order("ours")
        assert OutboxMessage.objects.count() == 1
    assert (mail.pk, mail.is_new) == (overtaken[0].pk, False)


@pytest.mark.parametrize("isolated", ["REPEATABLE READ"], indirect=True)
def test_a_transaction_that_cannot_see_the_first_is_to_be_run_again(
    outbox, isolated, overtaken
):
    outbox(dispatch="worker")
    with transaction.atomic():
        OutboxMessage.objects.count()  # from now on it sees nothing new
        with pytest.raises(OperationalError, match="run it again") as raised:
            order("ours")
        transaction.set_rollback(True)
    assert "order 7" not in str(raised.value)
    with transaction.atomic():
        assert order("ours").pk == overtaken[0].pk
    assert states() == ["queued"]


@pytest.mark.parametrize("isolated", ["REPEATABLE READ"], indirect=True)
def test_without_a_transaction_of_the_caller_it_is_run_again_here(
    outbox, isolated, overtaken
):
    outbox(dispatch="worker")
    mail = order("ours")
    assert (mail.pk, mail.is_new) == (overtaken[0].pk, False)
    assert states() == ["queued"]
