"""The real chain in a test: wrappers run, nothing leaves, and the outbox is worked off."""

from __future__ import annotations

import unittest

import pytest
from django.conf import settings
from django.core import mail as django_mail
from django.core.mail import EmailMessage
from django.test import TestCase, override_settings
from django.test.utils import _TestState

from django_mailplus import compat
from django_mailplus.compat import configured_mailers, get_mailer, mailer_settings
from django_mailplus.testing import MailAssertionsMixin, override_mailers

SMTP = {
    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
    "OPTIONS": {"host": "mail.invalid"},
}
PROJECT = {
    "default": {
        "BACKEND": "django_mailplus.backends.redirect.EmailBackend",
        "OPTIONS": {"using": "outbox", "to": ["team@example.com"]},
    },
    "outbox": {
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {"using": "spread", "dispatch": "worker"},
    },
    "spread": {
        "BACKEND": "django_mailplus.backends.failover.EmailBackend",
        "OPTIONS": {"using": ["smtp", "console"]},
    },
    "smtp": SMTP,
    "console": {"BACKEND": "django.core.mail.backends.console.EmailBackend"},
}
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def project(monkeypatch):
    """As if MAILERS had been this when Django set up its test environment."""
    if compat.NATIVE:
        monkeypatch.setattr(_TestState.saved_data, "mailers", PROJECT)
        return
    root = settings._wrapped
    while hasattr(root, "default_settings"):
        root = root.default_settings
    monkeypatch.setattr(root, "MAILERS", PROJECT)
    # Django keeps what was asked for; at the end of the test it is to ask again.
    monkeypatch.setitem(settings.__dict__, "MAILERS", PROJECT)


def send(to="ann@example.com"):
    message = EmailMessage("Hello", "Body", "shop@example.com", [to])
    get_mailer("default").send_messages([message])


@pytest.mark.usefixtures("project")
def test_without_it_no_wrapper_runs(mailbox):
    send()
    assert mailbox.one().to == ["ann@example.com"]


@pytest.mark.django_db
@pytest.mark.usefixtures("project")
def test_the_projects_chain_runs_over_the_test_outbox(mailbox):
    with override_mailers():
        backends = {
            alias: config["BACKEND"] for alias, config in mailer_settings().items()
        }
        assert backends == {
            **{alias: config["BACKEND"] for alias, config in PROJECT.items()},
            "smtp": LOCMEM,
            "console": LOCMEM,
        }
        send()
        with pytest.raises(AssertionError) as error:
            mailbox.latest()
        assert str(error.value) == (
            "No mail arrived. What arrived: nothing.\n"
            "1 mail waits in the outbox: mailbox.deliver() sends what is due."
        )
        assert mailbox.deliver() == 1
        assert mailbox.deliver() == 0
        mail = mailbox.one()
        assert (mail.recipients, mail.using) == (("team@example.com",), "smtp")
        assert mail.headers["X-Original-To"] == "ann@example.com"
    assert mailbox.deliver() == 0


@pytest.mark.usefixtures("project")
def test_what_a_test_overrides_is_what_is_configured():
    mailers = {
        "default": {"BACKEND": "example_backends.Stamp", "OPTIONS": {"using": "x"}}
    }
    with override_settings(MAILERS={**mailers, "x": SMTP}):
        assert configured_mailers() == {**mailers, "x": SMTP}
        with override_mailers():
            assert mailer_settings() == {**mailers, "x": {"BACKEND": LOCMEM}}
            send()
    assert "stamped" in django_mail.outbox[-1].subject
    assert configured_mailers() == PROJECT


def test_a_wrapper_in_email_backend_has_the_test_outbox_behind_it(
    with_email_settings, mailbox
):
    with_email_settings(EMAIL_BACKEND="example_backends.Stamp")
    with override_mailers():
        send()
    assert mailbox.one().subject == "stamped: Hello"
    with_email_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend")
    with override_mailers():
        send()
    assert mailbox.latest().subject == "Hello"


def test_mailers_that_are_given_are_used_as_they_are(
    mailbox, smtp_server, override_mailers
):
    override_mailers({"default": smtp_server.mailer})
    send()
    assert not mailbox
    assert smtp_server.mailbox.one().subject == "Hello"


@override_mailers({"default": {"BACKEND": LOCMEM}, "only here": SMTP})
def test_it_decorates_a_test():
    assert "only here" in mailer_settings()


def test_a_decorator_without_brackets_is_an_error():
    with pytest.raises(TypeError, match="with brackets: @override_mailers"):

        @override_mailers
        class Test(TestCase):
            pass


def test_the_fixture_ends_with_its_test():
    assert "only here" not in mailer_settings()


@pytest.mark.usefixtures("project")
class TestOfUnittest(MailAssertionsMixin, TestCase):
    @override_mailers()
    def test_it_decorates_a_method(self):
        send()
        self.assertEqual(self.mailbox.deliver(), 1)  # noqa: PT009 (unittest)
        self.assertMailSent(to="team@example.com", count=1)


@pytest.mark.usefixtures("project")
def test_it_decorates_a_class():
    @override_mailers({"default": {"BACKEND": LOCMEM}, "of the class": SMTP})
    class Decorated(unittest.TestCase):
        def test_it(self):
            self.assertIn("of the class", mailer_settings())  # noqa: PT009 (unittest)

    result = unittest.TestResult()
    Decorated("test_it").run(result)
    assert result.wasSuccessful()
    assert "of the class" not in mailer_settings()
