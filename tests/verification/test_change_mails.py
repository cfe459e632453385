"""Change of address: who is told, who says it was not them, and how many mails leave."""

from __future__ import annotations

import pytest
from django.core import mail
from verification.changes import BASE, start
from verification_stage import make_user, newest_link

from django_mailplus.verification import (
    is_email_verified,
    send_verification_email,
    start_email_change,
    verify_email_address,
)
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.tickets import Ticket

pytestmark = pytest.mark.usefixtures("no_throttle")


def test_the_new_mailbox_reports_under_another_spelling(ann, visitor):
    visitor.press(start(ann, "victim@example.com")["victim@example.com"]["report"])
    result = start_email_change(ann, '"Victim"@example.com', base_url=BASE)
    assert result.status == "refused"


@pytest.mark.parametrize(
    ("email", "words"),
    [("Ann@example.com", "your address already"), ("x@example.com", "Try again later")],
)
def test_the_page_promises_no_mail_that_does_not_leave(
    ann, visitor, settings, email, words
):
    settings.MAILPLUS |= {"VERIFICATION_RESEND_COOLDOWN": 60}
    start_email_change(ann, "x@example.com", base_url=BASE)
    page = visitor.press("/verify/change/", email=email, password="secret")
    assert words in page.content.decode()
    assert len(mail.outbox) == 2


def test_an_old_address_that_was_not_proved_is_told_little_and_not_often(
    settings, user
):
    settings.MAILPLUS |= {"VERIFICATION_MAX_SENDS_PER_DAY": 3}
    crowd = [user, *(make_user(f"u{n}", user.email) for n in range(5))]
    for n, member in enumerate(crowd):
        start_email_change(member, f"secret{n}@example.com", base_url=BASE)
    notices = [m for m in mail.outbox if m.to == ["ann@example.com"]]
    assert len(notices) == 3
    for notice in notices:
        words = notice.body + notice.alternatives[0][0]
        assert "s…@example.com" in words
        assert "secret" not in words


def test_an_address_that_was_proved_is_told_though_its_allowance_is_used_up(
    ann, settings
):
    settings.MAILPLUS |= {"VERIFICATION_MAX_SENDS_PER_DAY": 1, "BASE_URL": BASE}
    request_verification_email(Ticket.of("ann@example.com"))
    start_email_change(ann, "new@example.com", base_url=BASE)
    assert "asked to change" in mail.outbox[-2].subject
    assert mail.outbox[-2].to == ["ann@example.com"]


@pytest.mark.parametrize("purpose", ["verify", "change"])
def test_whoever_said_it_was_not_me_hears_no_more(user, visitor, purpose):
    if purpose == "verify":
        send_verification_email(user, base_url=BASE)
    else:
        start(user, "old@example.com")
    reporter = mail.outbox[-1].to[0]
    visitor.press(newest_link("report"))
    before = len(mail.outbox)
    if purpose == "verify":  # away from the address
        start_email_change(user, "new@example.com", base_url=BASE)
        user.email = "other@example.com"
        user.save()
    result = start_email_change(user, reporter, base_url=BASE)
    assert result.status == "refused"
    assert reporter not in [m.to[0] for m in mail.outbox[before:]]


def test_the_owner_of_a_taken_address_is_told_and_nobody_else(ann, visitor):
    bob = make_user("bob", "bob@example.com")
    verify_email_address(bob)
    mails = start(ann, "Bob@Example.com")
    to_bob, to_ann = mail.outbox[-1], mail.outbox[-2]
    assert to_bob.to == ["Bob@example.com"]
    assert "You have an account" in to_bob.subject
    assert "change" not in mails["Bob@example.com"]
    assert "asked to change" in to_ann.subject
    fresh = start(ann, "fresh@example.com")
    assert [m.to for m in mail.outbox[-2:]] == [
        ["ann@example.com"],
        ["fresh@example.com"],
    ]
    assert "change" in fresh["fresh@example.com"]


def test_the_new_mailbox_says_it_was_not_me(ann, visitor):
    mails = start(ann)
    visitor.press(mails["new@example.com"]["report"])
    assert visitor.open(mails["new@example.com"]["change"]).status_code == 410
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert is_email_verified(ann)


def test_who_reported_is_not_mailed_again(ann, visitor):
    mails = start(ann)
    visitor.press(mails["new@example.com"]["report"])
    start(ann, "third@example.com")
    again = start_email_change(ann, "new@example.com", base_url=BASE)
    assert again.status == "refused"
    assert [m.to[0] for m in mail.outbox].count("new@example.com") == 1


def test_a_user_mails_only_so_many_strangers(ann, settings):
    settings.MAILPLUS |= {"VERIFICATION_MAX_SENDS_PER_DAY": 3}
    statuses = [
        start_email_change(ann, f"stranger{n}@example.com", base_url=BASE).status
        for n in range(5)
    ]
    assert statuses == ["sent"] * 3 + ["throttled"] * 2
    assert len(mail.outbox) == 6


def test_a_report_after_the_change_takes_the_proof_back(ann, visitor):
    mails = start(ann)
    visitor.press(mails["new@example.com"]["change"])
    visitor.press(mails["new@example.com"]["report"])
    ann.refresh_from_db()
    assert not is_email_verified(ann)


def test_a_new_address_is_throttled_like_any_other(ann, settings):
    settings.MAILPLUS = {}
    assert start_email_change(ann, "new@example.com", base_url=BASE).status == "sent"
    again = start_email_change(ann, "new@example.com", base_url=BASE)
    assert again.status == "throttled"
    assert len(mail.outbox) == 2
