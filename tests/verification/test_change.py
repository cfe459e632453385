"""Change of address: the new one proves itself, the old one can undo it."""

from __future__ import annotations

import pytest
from django.core import mail
from verification_stage import links_of, make_user

from django_mailplus.verification import (
    cancel_email_change,
    is_email_verified,
    send_verification_email,
    signals,
    start_email_change,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.change import cancel_link
from django_mailplus.verification.links import uid_of
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.tokens import make_token

BASE = "https://shop.example.com"


@pytest.fixture(autouse=True)
def unlimited(no_throttle):
    """The limits have tests of their own."""


@pytest.fixture
def ann(user):
    verify_email_address(user)
    return user


def start(user, email="new@example.com"):
    """Ask for a change; the mails by address, as they left."""
    before = len(mail.outbox)
    assert start_email_change(user, email, base_url=BASE).status == "sent"
    return {message.to[0]: links_of(message) for message in mail.outbox[before:]}


def test_nothing_changes_before_the_link_is_used(ann, visitor):
    mails = start(ann)
    assert sorted(mails) == ["ann@example.com", "new@example.com"]
    visitor.open(mails["new@example.com"]["change"])
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert is_email_verified(ann)


def test_the_link_in_the_new_mailbox_changes_the_address(ann, visitor):
    mails = start(ann)
    page = visitor.press(mails["new@example.com"]["change"])
    assert "is changed" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "new@example.com"
    assert is_email_verified(ann)
    assert not is_email_verified(ann, email="ann@example.com")
    assert mail.outbox[-1].to == ["ann@example.com"]
    assert "was changed" in mail.outbox[-1].subject
    again = visitor.open(mails["new@example.com"]["change"])
    assert (again.status_code, "is changed" in again.content.decode()) == (200, True)


def test_the_old_address_stops_it(ann, visitor):
    mails = start(ann)
    page = visitor.press(mails["ann@example.com"]["cancel"])
    assert "is stopped" in page.content.decode()
    assert visitor.open(mails["new@example.com"]["change"]).status_code == 410
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


@pytest.mark.parametrize("which", ["first", "second"])
def test_the_old_address_takes_it_back(ann, visitor, which):
    mails = start(ann)
    visitor.press(mails["new@example.com"]["change"])
    ann.refresh_from_db()
    ann.set_password("of the thief")  # who would do that first
    ann.save()
    second = links_of(mail.outbox[-1])["cancel"]
    link = mails["ann@example.com"]["cancel"] if which == "first" else second
    page = visitor.press(link)
    assert "is back" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert is_email_verified(ann)
    assert not is_email_verified(ann, email="new@example.com")
    assert visitor.open(mails["new@example.com"]["change"]).status_code == 410


def test_nothing_is_taken_back_from_a_third_address(ann, visitor):
    first = start(ann)
    visitor.press(first["new@example.com"]["change"])
    ann.refresh_from_db()
    second = start(ann, "third@example.com")
    visitor.press(second["third@example.com"]["change"])
    page = visitor.press(first["ann@example.com"]["cancel"])
    assert page.status_code == 410
    assert "changed again" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "third@example.com"


def test_a_second_change_replaces_the_first(ann, visitor):
    first = start(ann, "typo@example.com")["typo@example.com"]["change"]
    second = start(ann)["new@example.com"]["change"]
    assert visitor.open(first).status_code == 410
    visitor.press(second)
    ann.refresh_from_db()
    assert ann.email == "new@example.com"


def test_asking_again_keeps_the_earlier_link(ann, visitor):
    first = start(ann)["new@example.com"]["change"]
    start(ann)
    visitor.press(first)
    ann.refresh_from_db()
    assert ann.email == "new@example.com"


def test_an_address_changed_elsewhere_ends_the_link(ann, visitor):
    mails = start(ann)
    ann.email = "elsewhere@example.com"
    ann.save()
    token = visitor.open(mails["new@example.com"]["change"]).context["form_token"]
    page = visitor.send(mails["new@example.com"]["change"], form_token=token)
    assert page.status_code == 410
    ann.refresh_from_db()
    assert ann.email == "elsewhere@example.com"


def test_a_new_password_ends_the_link_and_not_the_cancelling(ann, visitor):
    mails = start(ann)
    ann.set_password("another")
    ann.save()
    assert visitor.open(mails["new@example.com"]["change"]).status_code == 410
    assert visitor.open(mails["ann@example.com"]["cancel"]).status_code == 200


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


def test_an_address_that_is_taken_in_between(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    make_user("bob", "new@example.com")
    page = visitor.press(link)
    assert page.status_code == 410
    assert "Another account" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


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


def test_a_user_without_an_address_gets_one(visitor):
    user = make_user("none", "")
    mails = start(user)
    assert list(mails) == ["new@example.com"]
    visitor.press(mails["new@example.com"]["change"])
    user.refresh_from_db()
    assert user.email == "new@example.com"
    assert is_email_verified(user)


def test_a_mistyped_address_has_no_say(user, visitor):
    """Its owner is a stranger, who must neither stop the change nor take it back."""
    mails = start(user)
    assert "cancel" not in mails["ann@example.com"]
    visitor.press(mails["new@example.com"]["change"])
    assert "cancel" not in links_of(mail.outbox[-1])
    user.refresh_from_db()
    row = EmailAddress.objects.get(purpose="change")
    token = make_token(user, row, "cancel")
    assert cancel_link(uid_of(user), token) == ("too_late", user)
    user.refresh_from_db()
    assert user.email == "new@example.com"


def test_a_report_after_the_change_takes_the_proof_back(ann, visitor):
    mails = start(ann)
    visitor.press(mails["new@example.com"]["change"])
    visitor.press(mails["new@example.com"]["report"])
    ann.refresh_from_db()
    assert not is_email_verified(ann)


def test_the_same_address_needs_no_change(ann):
    result = start_email_change(ann, "ANN@example.com", base_url=BASE)
    assert result.status == "already_verified"
    assert mail.outbox == []


def test_a_new_address_is_throttled_like_any_other(ann, settings):
    settings.MAILPLUS = {}
    assert start_email_change(ann, "new@example.com", base_url=BASE).status == "sent"
    again = start_email_change(ann, "new@example.com", base_url=BASE)
    assert again.status == "throttled"
    assert len(mail.outbox) == 2


def test_the_user_forgets_the_change(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    assert cancel_email_change(ann)
    assert not cancel_email_change(ann)
    assert visitor.open(link).status_code == 410


def test_signals(ann, visitor):
    told = []

    def note(signal, **rest):
        told.append((rest["old_email"], rest["new_email"]))

    for signal in (signals.email_change_requested, signals.email_changed):
        signal.connect(note)
    try:
        mails = start(ann)
        visitor.press(mails["new@example.com"]["change"])
    finally:
        for signal in (signals.email_change_requested, signals.email_changed):
            signal.disconnect(note)
    assert told == [("ann@example.com", "new@example.com")]


def test_the_page(ann, visitor):
    page = visitor.open("/verify/change/")
    assert page.status_code == 302  # to the login
    visitor.client.force_login(ann)
    csrf = visitor.open("/verify/change/").context["csrf_token"]
    fields = {"email": "new@example.com", "csrfmiddlewaretoken": str(csrf)}
    page = visitor.send("/verify/change/", password="wrong", **fields)
    assert "not your password" in page.content.decode()
    assert mail.outbox == []
    page = visitor.send("/verify/change/", password="secret", **fields)
    assert "n…@example.com" in page.content.decode()
    assert len(mail.outbox) == 2
    page = visitor.open("/verify/change/")
    assert "new@example.com" in page.content.decode()
    visitor.send(
        "/verify/change/",
        cancel="yes",
        csrfmiddlewaretoken=str(page.context["csrf_token"]),
    )
    assert not EmailAddress.objects.filter(purpose="change").exists()


def test_the_page_insists_on_csrf(ann, visitor):
    visitor.client.force_login(ann)
    page = visitor.send("/verify/change/", email="new@example.com", password="secret")
    assert page.status_code == 403
    assert mail.outbox == []


def test_a_password_is_asked_of_whoever_has_one(visitor):
    user = make_user("sso", "sso@example.com")
    user.set_unusable_password()
    user.save()
    visitor.client.force_login(user)
    page = visitor.open("/verify/change/")
    assert "password" not in page.context["form"].fields


def test_a_verification_that_was_under_way_goes_on(ann, visitor):
    unverify_email_address(ann)
    send_verification_email(ann, base_url=BASE)
    verify = links_of(mail.outbox[-1])["verify"]
    start(ann)
    visitor.press(verify)
    assert is_email_verified(ann)
