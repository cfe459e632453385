"""What a project puts in the place of Django's code is used, whenever it does so."""

from __future__ import annotations

import email.charset
import email.policy
import functools
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail import message as django_message

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message import wire

legacy = pytest.mark.skipif(MODERN_MIME, reason="of the older classes of `email`")
modern = pytest.mark.skipif(not MODERN_MIME, reason="before Django 6.0 no policies")


class Own(EmailMultiAlternatives):
    pass


def written(kind: Any = EmailMessage, **changes: Any) -> bytes:
    arguments = {"subject": "Wörter", "body": "Größe", "from_email": "ann@example.com"}
    return wire.to_bytes(kind(**arguments | changes, to=["bob@example.com"]))


@pytest.fixture(autouse=True)
def after_the_first_message() -> None:
    written()
    written(Own)


def with_a_mark(original: Any) -> Any:
    @functools.wraps(original)
    def marking(self: EmailMessage, **how: Any) -> Any:
        built = original(self, **how)
        built["X-Mark"] = "yes"
        return built

    return marking


@pytest.mark.parametrize("kind", [EmailMessage, EmailMultiAlternatives, Own])
def test_a_method_replaced_on_a_class_is_called(monkeypatch, kind):
    monkeypatch.setattr(kind, "message", with_a_mark(kind.message))
    assert b"\nX-Mark: yes\r" in written(kind)
    monkeypatch.undo()
    assert b"X-Mark" not in written(kind)


def test_a_function_replaced_in_djangos_module_is_called(monkeypatch):
    monkeypatch.setattr(django_message, "make_msgid", lambda domain: "<own@id>")
    assert b"\nMessage-ID: <own@id>\r" in written()


def test_a_method_that_does_not_write_leaves_writing_to_us(monkeypatch):
    monkeypatch.setattr(EmailMessage, "send", lambda self, **how: 1)
    assert wire._is_djangos(EmailMessage())


@legacy
def test_a_method_replaced_on_an_inner_class_is_called(monkeypatch):
    kind = django_message.SafeMIMEText
    original = kind.set_payload
    monkeypatch.setattr(
        kind,
        "set_payload",
        lambda self, payload, charset=None: original(self, payload + "!", charset),
    )
    assert "Größe!" in written().decode()


@legacy
def test_another_encoding_of_bodies_is_taken(monkeypatch):
    monkeypatch.setattr(
        django_message.utf8_charset, "body_encoding", email.charset.BASE64
    )
    assert b"\nContent-Transfer-Encoding: base64\r" in written()


@legacy
def test_another_encoding_of_headers_is_taken(monkeypatch):
    kept = (email.charset.BASE64, None, "utf-8")
    monkeypatch.setitem(email.charset.CHARSETS, "utf-8", kept)
    assert b"\nSubject: =?utf-8?b?V8O2cnRlcg==?=\r" in written()
    monkeypatch.undo()
    assert b"\nSubject: =?utf-8?q?W=C3=B6rter?=\r" in written()


@modern
def test_another_policy_is_taken(monkeypatch):
    monkeypatch.setattr(email.policy, "SMTP", email.policy.SMTP.clone(utf8=True))
    assert "\nSubject: Wörter\r" in written().decode()


EARLY = """
import functools
import os
from django.conf import settings
settings.configure()
from django.core.mail import EmailMessage
original = EmailMessage.message
@functools.wraps(original)
def message(self, **how):
    built = original(self, **how)
    if self.subject == "rare":
        built["X-Mark"] = "yes"
    return built
EmailMessage.message = message
from django_mailplus.message.wire import to_bytes
assert b"X-Mark: yes" in to_bytes(EmailMessage("rare", "", "a@b.c", ["b@c.d"]))
"""


def test_what_was_replaced_before_our_first_import_is_called():
    subprocess.run([sys.executable, "-c", EARLY], check=True)


def test_to_import_us_reads_no_settings():
    command = "import django_mailplus.backends.smtp, django_mailplus.message.wire"
    bare = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", command], check=True, env=bare)
