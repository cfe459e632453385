"""An inbox behind an outbox."""

from __future__ import annotations

import json

import pytest
from django.core.mail import EmailMessage, send_mail
from inbox_stage import INBOX

from django_mailplus.compat import get_mailer
from django_mailplus.inbox import origin
from django_mailplus.inbox.models import CaughtMail
from django_mailplus.message.snapshot import restore
from django_mailplus.outbox.models import Payload

pytestmark = pytest.mark.django_db


def outbox(with_mailers, last):
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "last", "dispatch": "worker"},
            },
            "last": {"BACKEND": last},
        }
    )


def test_the_origin_is_the_caller_and_not_the_worker(with_mailers):
    outbox(with_mailers, INBOX)
    send_mail("Hi", "x", None, ["bob@example.com"])
    work_off()
    told = CaughtMail.objects.get().origin
    assert "in test_the_origin_is_the_caller_and_not_the_worker" in told["code"]


def test_what_a_message_says_of_itself_stays_and_the_message_as_it_is(with_mailers):
    outbox(with_mailers, INBOX)
    message = EmailMessage("Hi", "x", None, ["bob@example.com"])
    message.mailplus_origin = {"template": "mails/welcome.html"}
    get_mailer("default").send_messages([message])
    assert message.mailplus_origin == {"template": "mails/welcome.html"}
    work_off()
    told = CaughtMail.objects.get().origin
    assert told["template"] == "mails/welcome.html"
    assert "in test_what_a_message_says" in told["code"]


def test_without_an_inbox_nobody_looks_for_the_caller(with_mailers, monkeypatch):
    outbox(with_mailers, "django.core.mail.backends.dummy.EmailBackend")
    monkeypatch.setattr(origin, "place", None)
    assert send_mail("Hi", "x", None, ["bob@example.com"]) == 1


def work_off():
    """What a worker does with each mail, in another place of the code."""
    for payload in Payload.objects.all():
        message = restore(json.loads(payload.document), {}.__getitem__)
        get_mailer("last").send_messages([message])
