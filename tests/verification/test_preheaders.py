"""What lists of mails show behind the subject of ours: something that the subject does not say."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core import mail
from verification_stage import links_of, make_user

from django_mailplus.templated.password_reset import PasswordResetForm
from django_mailplus.templated.rendering import Writing
from django_mailplus.verification import (
    send_account_exists_email,
    send_verification_email,
    start_email_change,
    verify_email_address,
)
from django_mailplus.verification.change_links import confirm_change_link
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.tickets import Ticket

LINK = "The link works for 3 days. It is for the account {}."


@pytest.fixture(autouse=True)
def shop(settings):
    settings.MAILPLUS = {
        "BASE_URL": "https://shop.example.com",
        "VERIFICATION_RESEND_COOLDOWN": 0,
    }


def preheaders():
    """Of the mails since the last call."""
    found = []
    for message in mail.outbox:
        html = unescape(message.alternatives[0][0])
        hidden = rf"<div style=\"display: ?none[^>]*>([^<]*?){Writing.filler}</div>"
        found.append(re.search(hidden, html)[1].replace("\xa0", " "))
    mail.outbox.clear()
    return found


def test_of_links_and_codes():
    for method in ("link", "both", "code"):
        user = make_user(f"O'{method}", f"{method}@example.com")
        send_verification_email(user, method=method)
    code = "It works for 15 minutes. Tell it to nobody, whoever asks."
    assert preheaders() == [LINK.format("O'link"), LINK.format("O'both"), code]


def test_of_answers_to_who_typed_an_address():
    user = make_user()
    send_account_exists_email(user.email)
    verify_email_address(user)
    send_account_exists_email(user.email)
    request_verification_email(Ticket.of("unknown@example.com"))
    assert preheaders() == [
        "It waits for you to confirm this address.",
        "There is nothing to confirm: log in as usual.",
        "You may have signed up with another address.",
    ]


def test_of_a_change():
    user = make_user()
    verify_email_address(user)
    start_email_change(user, "new@example.com")
    new = "The new address is new@example.com. If that was not you, you can "
    link = links_of(next(m for m in mail.outbox if m.to != [user.email]))["change"]
    assert sorted(preheaders()) == [LINK.format("ann"), f"{new}stop the change."]
    confirm_change_link(*link.strip("/").split("/")[-2:])
    assert preheaders() == [f"{new}take it back."]


def test_a_notice_to_an_address_that_was_not_proved_offers_nothing():
    start_email_change(make_user(), "new@example.com")
    assert "The new address is n…@example.com." in preheaders()


def test_of_a_password_reset():
    user = make_user()
    user.set_password("secret")
    user.save()
    form = PasswordResetForm({"email": user.email})
    assert form.is_valid()
    form.save(domain_override="shop.example.com")
    assert preheaders() == [LINK.format("ann")]
