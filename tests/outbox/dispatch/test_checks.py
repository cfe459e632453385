"""Findings about who works off an outbox, before a mail waits for nobody."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

import pytest
from django.db import connection
from django.test import override_settings

from django_mailplus.backends.outbox import EmailBackend
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.outbox.dispatch import checks as dispatch_checks

FRAMEWORK = next((n for n in ("django.tasks", "django_tasks") if find_spec(n)), None)


def findings(**options):
    found = EmailBackend.check("default", {"using": "smtp", **options})
    return [(finding.id.removeprefix("mailplus."), finding) for finding in found]


def ids(**options):
    return [number for number, _ in findings(**options)]


@pytest.mark.parametrize("dispatch", ["thread", "worker", "inline"])
def test_what_needs_nothing_is_fine(dispatch):
    assert ids(dispatch=dispatch) == []
    assert ids() == []


def test_an_unknown_dispatch():
    [(number, finding)] = findings(dispatch="cellery")
    assert number == "E040"
    assert finding.msg.startswith("MAILERS['default']['OPTIONS']['dispatch'] is 'cel")
    assert "'celery'" in finding.hint


@pytest.mark.parametrize(
    ("dispatch", "number"), [("tasks", "E041"), ("celery", "E042")]
)
def test_what_is_not_installed(dispatch, number, monkeypatch, with_mailers):
    monkeypatch.setattr(dispatch_checks, "_there", lambda module: False)
    [(found, finding)] = findings(dispatch=dispatch)
    assert found == number
    assert f'pip install "django-mailplus[{dispatch}]"' in finding.hint
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": dispatch},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": "127.0.0.1"},
            },
        }
    )
    with pytest.raises(InvalidMailer, match=rf"pip install.*\[{dispatch}\]"):
        get_mailer("default")


def test_a_module_below_one_that_is_not_there_is_not_there():
    assert not dispatch_checks._there("no_such_package.tasks")


needs_framework = pytest.mark.skipif(FRAMEWORK is None, reason="no task framework")


def backend(kind, **more):
    name = {"immediate": "ImmediateBackend", "dummy": "DummyBackend"}[kind]
    return {"BACKEND": f"{FRAMEWORK}.backends.{kind}.{name}", **more}


@needs_framework
@pytest.mark.parametrize(("kind", "number"), [("dummy", "W040"), ("immediate", "W041")])
def test_a_backend_without_a_worker_is_for_development(kind, number, monkeypatch):
    with override_settings(TASKS={"default": backend(kind)}):
        assert ids(dispatch="tasks") == []  # while tests run
        monkeypatch.setattr(dispatch_checks, "tests_running", lambda: False)
        assert ids(dispatch="tasks") == [number]
        with override_settings(DEBUG=True):
            assert ids(dispatch="tasks") == []


@needs_framework
def test_a_backend_or_queue_that_tasks_does_not_have():
    with override_settings(TASKS={"default": backend("dummy", QUEUES=["a", "b"])}):
        assert ids(dispatch="tasks", queue="a") == []
        [(number, finding)] = findings(dispatch="tasks")
        assert (number, finding.hint) == ("E044", "Its queues: 'a', 'b'.")
        [(number, finding)] = findings(dispatch="tasks", task_backend="mails")
        assert (number, finding.hint) == ("E043", "TASKS has: 'default'.")


def test_notify_is_for_postgresql():
    expected = [] if connection.vendor == "postgresql" else ["W042"]
    assert ids(notify=True) == expected


@needs_framework
def test_the_framework_is_that_of_django_where_there_is_one():
    from django_mailplus.outbox.dispatch.task_framework import framework

    assert framework() is importlib.import_module(FRAMEWORK)
