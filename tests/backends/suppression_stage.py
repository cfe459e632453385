"""A mailer that looks at the do-not-mail list, letters for it, and what arrives."""

from __future__ import annotations

import email
import email.policy
import re
from functools import partial

import pytest
from backends.stage import smtp
from django.core.mail import EmailMessage

from django_mailplus.compat import get_mailer

__all__ = [
    "BOB",
    "CAROL",
    "DAVE",
    "LOCMEM",
    "OUTBOX",
    "PATH",
    "REDIRECT",
    "after_commit",
    "arrived",
    "guarded",
    "letter",
    "recipients",
]

PATH = "django_mailplus.backends.suppression.EmailBackend"
OUTBOX = "django_mailplus.backends.outbox.EmailBackend"
REDIRECT = "django_mailplus.backends.redirect.EmailBackend"
LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}
BOB, CAROL, DAVE = "bob@example.com", "carol@example.com", "dave@example.com"


@pytest.fixture
def guarded(with_mailers, server):
    """Configures the default mailer, which asks the list; gives a backend of it."""

    def configure(leaf=None, **others):
        with_mailers(
            {
                "default": {"BACKEND": PATH, "OPTIONS": {"using": "smtp"}},
                "smtp": leaf or smtp(server),
                **others,
            },
            MAILPLUS={
                "BULK_STREAMS": {"news": "News"},
                "BASE_URL": "https://shop.example.com",
            },
        )
        return get_mailer("default")

    return configure


@pytest.fixture
def after_commit(django_capture_on_commit_callbacks):
    """A test is a transaction; what waits for its end is done after the block."""
    return partial(django_capture_on_commit_callbacks, execute=True)


def letter(to=(BOB, CAROL), *, stream=None, **fields):
    made = EmailMessage("Hi", "Hi", "Ann <ann@example.com>", list(to), **fields)
    if stream:
        made.stream = stream
    return made


def recipients(server):
    return re.findall(r"rcpt to:<(.*?)>", "\n".join(server.commands).lower())


def arrived(server):
    return email.message_from_bytes(server.messages[-1], policy=email.policy.default)
