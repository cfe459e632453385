"""EMAIL_BACKEND = django_mailplus.backends.default means MAILERS["default"]."""

from __future__ import annotations

import pytest
from django.core import mail as django_mail
from django.core.exceptions import ImproperlyConfigured

from django_mailplus import compat
from django_mailplus.backends.default import EmailBackend
from django_mailplus.compat import InvalidMailer

DEFAULT = "django_mailplus.backends.default.EmailBackend"
OUR_SMTP = "django_mailplus.backends.smtp.EmailBackend"
before_mailers = pytest.mark.skipif(
    compat.NATIVE, reason="Django 6.1 and later have MAILERS of their own"
)


def test_it_gives_the_default_mailer_itself(with_mailers):
    with_mailers(
        {"default": {"BACKEND": OUR_SMTP, "OPTIONS": {"host": "mail.example.com"}}}
    )
    backend = EmailBackend(fail_silently=False, username=None, password=None)
    assert (backend.host, backend.alias) == ("mail.example.com", "default")


def test_arguments_of_send_mail_override_options(with_mailers):
    with_mailers(
        {"default": {"BACKEND": OUR_SMTP, "OPTIONS": {"host": "a", "username": "b"}}}
    )
    backend = EmailBackend(True, username="u", password="p")
    assert (backend.username, backend.password, backend.fail_silently) == (
        "u",
        "p",
        True,
    )


def test_arguments_that_the_backend_does_not_know_are_ignored(with_mailers):
    with_mailers(
        {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    )
    assert EmailBackend(username="u", password="p").alias == "default"


def test_unknown_options_are_still_refused(with_mailers):
    with_mailers(
        {"default": {"BACKEND": OUR_SMTP, "OPTIONS": {"host": "a", "hots": "b"}}}
    )
    with pytest.raises(InvalidMailer, match="Unknown options 'hots'"):
        EmailBackend()


@before_mailers
def test_plain_django_functions_send_through_it(with_mailers):
    with_mailers(
        {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    )
    assert django_mail.send_mail("s", "b", None, ["a@example.com"]) == 1
    assert django_mail.outbox[-1].sent_using == "default"


def test_without_mailers_it_says_what_to_do(with_email_settings):
    with_email_settings(EMAIL_BACKEND=DEFAULT)
    with pytest.raises(ImproperlyConfigured, match="there is no MAILERS setting"):
        EmailBackend()
