"""Steps through the ways of `config.setups`, each with the mailers of that settings file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.test.utils import override_settings
from django.urls import reverse

from django_mailplus.delivery import get_result
from django_mailplus.exceptions import RateLimitError
from django_mailplus.mail import EmailMessage, send_mail
from django_mailplus.outbox.dispatch.sending_thread import finish as finish_sending
from django_mailplus.suppression import Reason, suppress
from website.mailers import sending_to
from website.walkthrough.walk import (
    Arrival,
    Step,
    Walk,
    expect,
    expect_equal,
    expect_words,
)

CUSTOMER, GONE = "customer@example.org", "gone@example.org"


@contextmanager
def set_up(name: str, walk: Walk) -> Iterator[None]:
    settings: Any = import_module(f"config.setups.{name}")
    mailers = sending_to(walk.mail_server.port, settings.MAILERS)
    with override_settings(MAILERS=mailers, MAILPLUS=settings.MAILPLUS):
        yield


def send(walk: Walk, subject: str = "Your tea is on its way") -> Arrival:
    send_mail(subject, "It is warm.", None, [CUSTOMER])
    (mail,) = walk.new_mails(1)
    return mail


def a_second_provider(walk: Walk) -> str:
    with set_up("second_provider", walk):
        mail = send(walk)
    expect_equal("the envelope's recipients", mail.rcpt_to, [CUSTOMER])
    return "the first mailer is down, the second one sent it"


def a_staging_site(walk: Walk) -> str:
    with set_up("staging", walk):
        mail = send(walk)
    expect_equal("the envelope's recipients", mail.rcpt_to, ["team@example.com"])
    expect_equal("To", mail.message["To"], "team@example.com")
    expect_equal("X-Original-To", mail.message["X-Original-To"], CUSTOMER)
    return "the team got it, and reads to whom it was written"


def a_signed_mail(walk: Walk) -> str:
    with set_up("signed", walk):
        mail = send(walk)
    signature = mail.message["DKIM-Signature"] or ""
    expect("d=example.com" in signature, "the mail is not signed")
    return "signed for example.com"


def a_rate_limit(walk: Walk) -> str:
    with set_up("rate_limit", walk):
        send(walk)
        try:
            send_mail("One too many", "It is hot.", None, [CUSTOMER])
        except RateLimitError as error:
            wait = error.retry_after
        else:
            wait = 0.0
    walk.new_mails(0)
    expect(0 < wait < 60, f"there is room again in {wait} seconds")
    return f"one mail, then none, and the error says: again in {wait:.0f} s"


def one_way_for_each_kind(walk: Walk) -> str:
    ways = []
    with set_up("by_kind", walk):
        for stream in ("newsletter", "receipts"):
            message = EmailMessage("The harvest", "It is in.", None, [CUSTOMER])
            message.stream = stream  # type: ignore[attr-defined]
            message.send()
            result = get_result(message)
            ways.append(result and result.mailer)
    walk.new_mails(2)
    expect_equal("the ways", ways, ["bulk", "smtp"])
    return "the newsletter by bulk, the receipt by smtp"


def a_provider(walk: Walk) -> str:
    with set_up("provider", walk):
        suppress(GONE, reason=Reason.HARD_BOUNCE)
        send_mail("Your tea is on its way", "It is warm.", None, [CUSTOMER, GONE])
        (mail,) = walk.wait_for_mails(1)
        finish_sending()
    expect_equal("the envelope's recipients", mail.rcpt_to, [CUSTOMER])
    return "out of the outbox to the one whose mailbox exists"


def an_inbox(walk: Walk) -> str:
    with set_up("inbox", walk):
        send(walk, "Here is your code: 482913")
        page = walk.get(reverse("mailplus_inbox:list"))
        expect_words(page, CUSTOMER, "Here is your code: 482913")
        newest = walk.get(f"{reverse('mailplus_inbox:latest')}?to={CUSTOMER}")
    expect_words(newest, "It is warm.", "passed on")
    return "the mail went out, and its page shows what became of it"


SETUP_STEPS: tuple[Step, ...] = (
    a_second_provider,
    a_staging_site,
    a_signed_mail,
    a_rate_limit,
    one_way_for_each_kind,
    a_provider,
    an_inbox,
)
