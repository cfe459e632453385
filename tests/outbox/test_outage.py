"""A worker whose database fails: one line for each failure, waits that grow, and it goes on."""

from __future__ import annotations

import contextlib
import logging

import pytest
from commands.worker_stage import mailers_for, states, store, tables_away
from django.db import Error
from misbehaving_server import MisbehavingServer

from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _server(with_mailers):
    with MisbehavingServer() as server:
        with_mailers(mailers_for(server))
        yield
    close_all()


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.WARNING, "django_mailplus")
    return lambda: [r for r in caplog.records if r.name.endswith("outage")]


@pytest.mark.parametrize("once", [True, False])
def test_it_goes_on_when_the_database_is_back(told, once):
    store(2)
    with tables_away(OutboxMessage) as back:

        def look(progress):
            if len(told()) == 4:
                back()

        worker = Worker(["smtp"], poll=0.01, on_turn=look)
        worker.run(once=once, drain=not once)
    assert states() == ["sent"] * 2
    *failures, end = told()
    assert [r.getMessage().rpartition(" in ")[2] for r in failures] == [
        "0.01 s.",
        "0.02 s.",
        "0.04 s.",
        "0.08 s.",
    ]
    assert not [r for r in failures if r.exc_info or "\n" in r.getMessage()]
    assert end.getMessage().startswith("The database is back after ")


def test_waits_are_bounded():
    worker = Worker(["smtp"])
    for _ in range(8):
        worker._outage.note(Error())
    assert worker._outage.wait == 30


def test_who_has_no_patience_gets_the_error(told):
    store(1)
    with tables_away(OutboxMessage), pytest.raises(Error):
        Worker(["smtp"], patience=0).run(drain=True)
    assert not told()
    assert states() == ["queued"]


def test_what_was_sent_is_recorded_though_nobody_waits_for_the_database(told):
    store(3)
    gone = []

    class Repair(logging.Handler):
        def emit(self, record):
            if told():  # this is the second
                gone[0]()

    with contextlib.ExitStack() as stack:

        def look(progress):
            if progress.under_way and not gone:
                gone.append(stack.enter_context(tables_away(OutboxMessage)))

        logger = logging.getLogger("django_mailplus.outbox.outage")
        logger.addHandler(repair := Repair())
        stack.callback(logger.removeHandler, repair)
        with pytest.raises(Error):
            Worker(["smtp"], poll=0.01, patience=0, on_turn=look).run()
    assert len(told()) == 2
    assert "What became of mails is yet to be recorded." in told()[0].getMessage()
    assert states() == ["sent"] * 3


def test_the_thread_of_a_process_goes_on_and_writes_no_traceback(project):
    with MisbehavingServer() as server:
        project.configure(server.port)
        out = project.run(
            """
            import logging
            from django.db import connection
            records = []
            class Keep(logging.Handler):
                def emit(self, record):
                    records.append(record)
            logger = logging.getLogger("django_mailplus")
            logger.addHandler(Keep())
            logger.removeHandler(logger.handlers[0])
            sending_thread.LONGEST_SLEEP = sending_thread.HICCUP = 0.05
            rename = "ALTER TABLE mailplus_{} RENAME TO mailplus_{}"
            def call_it(*names):
                with connection.cursor() as cursor:
                    cursor.execute(rename.format(*names))
            call_it("outboxmessage", "away")
            try:
                sending_thread.wake("smtp")
                until(lambda: len(records) >= 3)
            finally:
                call_it("away", "outboxmessage")
            send("bob")
            until(lambda: states() == ["sent"])
            assert not [record for record in records if record.exc_info], records
            assert "Run 'manage.py migrate'." in records[0].getMessage()
            """
        )
    assert out == ""
