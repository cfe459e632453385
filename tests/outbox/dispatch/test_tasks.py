"""Hints through Django's task framework: in this process, and to a real worker."""

from __future__ import annotations

import contextlib
import importlib
import os
from functools import partial
from importlib.util import find_spec

import pytest
from django.db import transaction
from django.test import override_settings
from outbox.mailing import send, states

from django_mailplus.signals import message_sent

_NAMES = [n for n in ("django.tasks", "django_tasks") if find_spec(n)]
FRAMEWORK = _NAMES[0] if _NAMES else ""
REQUIRED = os.environ.get("MAILPLUS_REQUIRE_SERVICES") == "1"

pytestmark = pytest.mark.skipif(
    not (FRAMEWORK or REQUIRED), reason="no task framework: pip install django-tasks"
)


def backend(kind):
    name = {"immediate": "ImmediateBackend", "dummy": "DummyBackend"}[kind]
    return {"BACKEND": f"{FRAMEWORK}.backends.{kind}.{name}", "QUEUES": ["mail"]}


@contextlib.contextmanager
def tasks_setting(tasks):
    with override_settings(TASKS=tasks):
        framework = importlib.import_module(FRAMEWORK)
        yield framework


@pytest.fixture
def outbox(outbox):
    return partial(outbox, dispatch="tasks")


@pytest.mark.django_db(transaction=True)
def test_the_immediate_backend_sends_right_after_the_commit(outbox):
    outbox(queue="mail")
    with tasks_setting({"default": backend("immediate")}), transaction.atomic():
        send("bob")
        send("carol")
        assert states() == ["queued"] * 2
    assert states() == ["sent"] * 2


@pytest.mark.django_db(transaction=True)
def test_the_immediate_backend_sends_all_and_what_receivers_send(outbox, monkeypatch):
    outbox(queue="mail")
    with tasks_setting({"default": backend("immediate")}):
        from django_mailplus.outbox.dispatch import tasks

        monkeypatch.setattr(tasks, "AT_ONCE", 2)
        seen = []

        def tell(message, **_):
            seen.append(message)
            if len(seen) < 4:
                send(f"copy{len(seen)}")

        message_sent.connect(tell)
        try:
            send(*[f"bob{n}" for n in range(5)])
        finally:
            message_sent.disconnect(tell)
    assert states() == ["sent"] * 8


@pytest.mark.django_db(transaction=True)
def test_the_dummy_backend_gets_one_hint_for_a_commit_and_sends_nothing(outbox):
    outbox(queue="mail", task_backend="mails")
    with tasks_setting({"mails": backend("dummy")}) as framework:
        with transaction.atomic():
            send("bob")
            send("carol")
        send("dora")
        hints = framework.task_backends["mails"].results
        assert [hint.args for hint in hints] == [["smtp"], ["smtp"]]
        assert {hint.task.queue_name for hint in hints} == {"mail"}
        hints[0].task.func(*hints[0].args)
    assert states() == ["sent"] * 3


@pytest.mark.django_db(transaction=True)
def test_a_task_without_a_mailer_sends_for_all_and_may_come_twice(outbox):
    outbox(queue="mail")
    with tasks_setting({"default": backend("dummy")}):
        from django_mailplus.outbox.dispatch.tasks import send_due

        send("bob")
        send_due.func()
        send_due.func()
    assert states() == ["sent"]


@pytest.mark.django_db(transaction=True)
def test_a_mailer_in_trouble_is_no_error_of_the_task(outbox, mail_server):
    mail_server.replies["banner"] = "554 5.3.2 closed"
    outbox(queue="mail")
    with tasks_setting({"default": backend("immediate")}) as framework:
        send("bob")
        result = framework.task_backends["default"]
        from django_mailplus.outbox.dispatch.tasks import send_due

        told = send_due.using(queue_name="mail", backend="default").enqueue("smtp")
        assert told.status == "SUCCESSFUL"
        assert result is not None
    assert states() == ["queued"]


@pytest.mark.django_db(transaction=True)
def test_what_is_left_is_hinted_at_again(outbox, mail_server, monkeypatch):
    outbox(queue="mail")
    with tasks_setting({"default": backend("dummy")}) as framework:
        from django_mailplus.outbox.dispatch import tasks

        monkeypatch.setattr(tasks, "AT_ONCE", 2)
        monkeypatch.setattr(tasks, "in_process", lambda backend: False)
        send("bob", "carol", "dora")
        hints = framework.task_backends["default"].results
        while hints:
            hint = hints.pop(0)
            hint.task.func(*hint.args)
    assert states() == ["sent"] * 3


@pytest.mark.django_db(transaction=True)
def test_a_mistake_in_the_setting_costs_no_mail(outbox, caplog):
    outbox(queue="nowhere")
    with tasks_setting({"default": backend("dummy")}):
        send("bob")
    assert states() == ["queued"]
    assert "came to nothing" in caplog.text


DB_TASKS = "TASKS = {'default': {'BACKEND': 'django_tasks_db.DatabaseBackend'}}\n"


@pytest.fixture
def with_database_worker(request):
    """A project whose tasks are in the database, where that package is installed."""
    if find_spec("django_tasks_db") is None:
        if REQUIRED:
            pytest.fail("The tests of a real worker need django-tasks-db.")
        pytest.skip("no django-tasks-db")
    project, server = (
        request.getfixturevalue(name) for name in ("project", "mail_server")
    )
    apps = [
        "django_tasks_db",
        *(["django_tasks"] if FRAMEWORK == "django_tasks" else []),
    ]
    project.configure(server.port, apps=tuple(apps), more=DB_TASKS, dispatch="tasks")
    return project, server


def work_off(project):
    project.manage("db_worker", "--batch", "--no-startup-delay", "--interval", "0")


def test_a_real_worker_sends(with_database_worker):
    project, server = with_database_worker
    project.run(
        """
        with transaction.atomic():
            send("rolled back")
            transaction.set_rollback(True)
        with transaction.atomic():
            for name in ("bob", "carol"):
                send(name)
        assert states() == ["queued"] * 2
        """
    )
    assert server.taken == []
    work_off(project)
    project.run("assert states() == ['sent'] * 2")


def test_a_hint_that_was_kept_back_follows(with_database_worker):
    project, _ = with_database_worker
    project.run(
        """
        from django_tasks_db.models import DBTaskResult
        from django_mailplus.outbox.dispatch.task_hints import _hints
        for n in range(20):
            send(f"bob{n}")
            if n == 0:
                until(lambda: DBTaskResult.objects.count() == 1)
                # A worker was quick, and saw only the first mail.
                DBTaskResult.objects.update(status="SUCCESSFUL")
        """
    )
    work_off(project)
    out = project.run(
        """
        from django_tasks_db.models import DBTaskResult
        assert states() == ["sent"] * 20
        print(DBTaskResult.objects.count())
        """
    )
    assert int(out) < 10  # there were 20 commits
