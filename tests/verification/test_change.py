"""Change of address: the new one proves itself."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import connection
from verification.changes import BASE, start
from verification_stage import links_of, make_user, queries

from django_mailplus.verification import (
    cancel_email_change,
    is_email_verified,
    send_verification_email,
    signals,
    start_email_change,
    unverify_email_address,
)
from django_mailplus.verification.change_links import confirm_change_link

pytestmark = pytest.mark.usefixtures("no_throttle")
# A query more where there are no locks on rows: see locks.py.
WRITES_FIRST = not connection.features.has_select_for_update


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


def test_what_is_no_address(ann):
    with pytest.raises(ValueError, match="check it with a form"):
        start_email_change(ann, "", base_url=BASE)


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
    page = visitor.press(mails["new@example.com"]["change"])
    assert page.status_code == 410
    ann.refresh_from_db()
    assert ann.email == "elsewhere@example.com"


def test_a_new_password_ends_the_link_and_not_the_cancelling(ann, visitor):
    mails = start(ann)
    ann.set_password("another")
    ann.save()
    assert visitor.open(mails["new@example.com"]["change"]).status_code == 410
    assert visitor.open(mails["ann@example.com"]["cancel"]).status_code == 200


def test_an_address_that_is_taken_in_between(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    make_user("bob", "new@example.com")
    page = visitor.press(link)
    assert page.status_code == 410
    assert "Another account" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_a_user_without_an_address_gets_one(visitor):
    user = make_user("none", "")
    visitor.client.force_login(user)
    mails = start(user)
    assert list(mails) == ["new@example.com"]
    visitor.press(mails["new@example.com"]["change"])
    user.refresh_from_db()
    assert user.email == "new@example.com"
    assert is_email_verified(user)


def test_the_same_address_needs_no_change(ann):
    result = start_email_change(ann, "ANN@example.com", base_url=BASE)
    assert result.status == "already_verified"
    assert mail.outbox == []


def test_the_user_forgets_the_change(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    assert cancel_email_change(ann)
    assert not cancel_email_change(ann)
    assert visitor.open(link).status_code == 410


def test_costs(ann, settings):
    settings.MAILPLUS |= {"BASE_URL": BASE}
    with queries() as captured:
        mails = start(ann)
    assert len(captured()) == 13 + WRITES_FIRST
    make_user("bob", "bob@example.com")
    with queries() as captured:
        start(ann, "bob@example.com")  # taken, which must not show
    taken = captured()
    with queries() as captured:
        mails = start(ann)
    assert len(captured()) == len(taken)
    link = mails["new@example.com"]["change"]
    with queries() as captured:
        confirm_change_link(*link.split("/")[-3:-1])
    assert len(captured()) == 13 + WRITES_FIRST


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


def test_a_verification_that_was_under_way_goes_on(ann, visitor):
    unverify_email_address(ann)
    send_verification_email(ann, base_url=BASE)
    verify = links_of(mail.outbox[-1])["verify"]
    start(ann)
    visitor.press(verify)
    assert is_email_verified(ann)
