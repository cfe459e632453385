"""The contract for backends holds for Django's own, and finds what breaks it.

That it holds for ours is in `tests/backends/test_contract.py`.
"""

from __future__ import annotations

import unittest

import pytest
from django.core.mail.backends.locmem import EmailBackend as Locmem
from django.test import TransactionTestCase

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


def test_a_backend_that_breaks_it_is_found():
    class Broken(BackendContract, TransactionTestCase):
        mailer = {"BACKEND": f"{__name__}.Forgetful"}

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Broken).run(result)
    failed = {test._testMethodName for test, _ in result.failures}
    assert {
        "test_it_returns_how_many_messages_were_sent",
        "test_the_callers_message_stays_as_it_was",
    } <= failed
    assert len(result.skipped) == 2


def test_it_is_run_by_subclasses_alone(request):
    names = {item.cls for item in request.session.items if item.cls is not None}
    assert BackendContract not in names


@pytest.mark.parametrize("name", ["test_no_messages_are_no_error"])
def test_its_tests_have_names_that_stay(name):
    assert hasattr(BackendContract, name)
