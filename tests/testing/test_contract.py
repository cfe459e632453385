"""The contract for backends holds for Django's own, and finds what breaks it.

That it holds for ours is in `tests/backends/test_contract.py`.
"""

from __future__ import annotations

import unittest

import pytest
from django.core.mail.backends.locmem import EmailBackend as Locmem
from django.test import SimpleTestCase, TransactionTestCase

from django_mailplus.compat import NATIVE
from django_mailplus.testing import BackendContract, SmtpServer

DJANGO = "django.core.mail.backends"
SMTP = f"{DJANGO}.smtp.EmailBackend"


class TestSMTP(BackendContract, TransactionTestCase):
    """Each test has a server of its own."""

    unreachable = {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": 1}}

    def setUp(self):
        server = self.enterContext(SmtpServer())
        self.mailer = {**server.mailer, "BACKEND": SMTP}
        super().setUp()


class TestLocmem(BackendContract, TransactionTestCase):
    mailer = {"BACKEND": f"{DJANGO}.locmem.EmailBackend"}


class Forgetful(Locmem):
    """Counts nothing, and writes on what it was given."""

    def send_messages(self, messages):
        for message in messages:
            message.subject = f"[x] {message.subject}"
        super().send_messages(messages)


class Accountant(Locmem):
    """Keeps what became of a message on it, as packages do for providers."""

    def send_messages(self, messages):
        for message in messages:
            message.provider_status = "queued"
        return super().send_messages(messages)


class Careless(Locmem):
    """Never looks at what it sends, and fails for an empty list."""

    def send_messages(self, messages):
        return len(messages) or 1


class Broken(Locmem):
    def send_messages(self, messages):
        raise OSError("the provider is away")


class Silent(Locmem):
    """Counts what it never sends."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.fail_silently = False

    def send_messages(self, messages):
        return len(messages)


def failures(backend, **attributes):
    """What a developer reads of each test that fails."""
    mailer = (
        {"BACKEND": f"{backend.__module__}.{backend.__name__}"} if backend else None
    )
    attributes |= {"mailer": mailer} if mailer else {}
    case = type("Case", (BackendContract, SimpleTestCase), attributes)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return {
        test._testMethodName.removeprefix("test_"): text
        for test, text in (*result.failures, *result.errors)
    }


def test_a_backend_that_breaks_it_is_found_and_told_how():
    found = failures(Forgetful)
    assert (
        "None != 2 : send_messages() got 2 messages and has to return how many it sent"
        in found["it_returns_how_many_messages_were_sent"]
    )
    changed = found["the_callers_message_stays_as_it_was"]
    assert "{'subject': '[x] Hello'} != {'subject': 'Hello'}" in changed
    assert "changed the message of its caller" in changed


def test_one_that_looks_at_nothing_is_found():
    found = failures(Careless)
    assert set(found) == {
        "a_header_cannot_be_broken_into_two",
        "no_messages_are_no_error",
    }
    assert (
        "a subject with a line end has to be refused"
        in found["a_header_cannot_be_broken_into_two"]
    )
    assert "send_messages([]) has to return 0" in found["no_messages_are_no_error"]


def test_one_may_keep_account_on_the_message():
    assert failures(Accountant) == {}


def test_an_error_in_a_thread_is_told():
    found = failures(Broken)
    assert "the provider is away" in found["each_send_of_many_threads_is_counted"]


def test_errors_are_tested_where_something_is_unreachable():
    found = failures(Locmem, unreachable={"BACKEND": f"{__name__}.Silent"})
    assert (
        "'unreachable' cannot send, and nobody" in found["what_cannot_be_sent_raises"]
    )
    assert "was counted" in found["fail_silently_raises_nothing"]


@pytest.mark.skipif(not NATIVE, reason="before, each backend has the attribute")
def test_who_knows_no_fail_silently_need_not_have_it():
    assert failures(Locmem, unreachable={"BACKEND": f"{__name__}.Broken"}) == {}


def test_without_a_mailer_it_says_what_is_missing():
    found = failures(None)
    assert all(
        "Case needs `mailer`: the entry of MAIL" in text for text in found.values()
    )
    assert len(found) > 10


def test_it_is_run_by_subclasses_alone(request):
    names = {item.cls for item in request.session.items if item.cls is not None}
    assert BackendContract not in names


@pytest.mark.parametrize("name", ["test_no_messages_are_no_error"])
def test_its_tests_have_names_that_stay(name):
    assert hasattr(BackendContract, name)
