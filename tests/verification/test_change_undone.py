"""Change of address: the old one stops it, or takes it back."""

from __future__ import annotations

import pytest
from django.core import mail
from verification.changes import change, start
from verification_stage import links_of, make_user, newest_link

from django_mailplus.verification import (
    is_email_verified,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.change_links import cancel_link
from django_mailplus.verification.links import uid_of
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.tokens import make_token

pytestmark = pytest.mark.usefixtures("no_throttle")


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
    visitor.client.logout()
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


@pytest.mark.parametrize("last", ["third@example.com", "new@example.com"])
def test_more_changes_do_not_take_the_first_say_away(ann, visitor, last):
    first = change(ann, visitor, "new@example.com")["ann@example.com"]["cancel"]
    between = change(ann, visitor, "third@example.com")["new@example.com"]["cancel"]
    if last != "third@example.com":
        change(ann, visitor, last)
    start(ann, "fourth@example.com")
    waiting = newest_link("change")
    page = visitor.press(first)
    assert "is back" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"
    assert is_email_verified(ann)
    for link in (between, waiting):
        assert visitor.open(link).status_code == 410
    assert not EmailAddress.objects.filter(purpose="change").exists()


@pytest.mark.parametrize("which", ["asked", "done"])
def test_a_circle_of_changes_does_not_either(ann, visitor, which):
    first = change(ann, visitor, "b@thief.example")["ann@example.com"]["cancel"]
    link = first if which == "asked" else links_of(mail.outbox[-1])["cancel"]
    for address in ("c@thief.example", "b@thief.example", "c@thief.example"):
        change(ann, visitor, address)
    visitor.press(link)
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_there_and_back_is_undone_from_there(ann, visitor):
    change(ann, visitor, "now@example.com")
    link = change(ann, visitor, "ann@example.com")["now@example.com"]["cancel"]
    visitor.press(link)
    ann.refresh_from_db()
    assert ann.email == "now@example.com"


def test_a_proof_made_before_the_change_is_done_has_a_say(user, visitor):
    visitor.client.force_login(user)
    link = start(user)["new@example.com"]["change"]
    verify_email_address(user)
    visitor.press(link)
    visitor.press(newest_link("cancel"))
    user.refresh_from_db()
    assert user.email == "ann@example.com"


@pytest.mark.parametrize("done", [False, True])
def test_a_proof_that_is_taken_back_has_none(ann, visitor, done):
    mails = start(ann)
    if done:
        visitor.press(mails["new@example.com"]["change"])
    unverify_email_address(ann, "ann@example.com")
    assert visitor.open(mails["ann@example.com"]["cancel"]).status_code == 410


def test_nothing_is_taken_back_from_an_address_that_staff_set(ann, visitor):
    link = change(ann, visitor, "new@example.com")["ann@example.com"]["cancel"]
    ann.email = "staff@example.com"
    ann.save()
    page = visitor.press(link)
    assert page.status_code == 410
    assert "changed again" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "staff@example.com"


def test_nothing_is_taken_back_from_whoever_proved_it_since(ann, visitor):
    link = change(ann, visitor, "new@example.com")["ann@example.com"]["cancel"]
    heir = make_user("heir", "ann@example.com")
    verify_email_address(heir)
    assert visitor.press(link).status_code == 410
    ann.refresh_from_db()
    assert ann.email == "new@example.com"
    assert is_email_verified(ann)
    assert is_email_verified(heir)


def test_a_banned_account_takes_nothing_back(ann, visitor):
    link = change(ann, visitor, "new@example.com")["ann@example.com"]["cancel"]
    type(ann).objects.update(is_active=False)
    assert visitor.press(link).status_code == 410
    ann.refresh_from_db()
    assert ann.email == "new@example.com"


def test_a_limit_for_links_that_prove_is_none_for_links_that_protect(
    ann, visitor, settings
):
    mails = start(ann)
    settings.MAILPLUS |= {"VERIFICATION_TIMEOUT": -1}
    assert visitor.open(mails["new@example.com"]["change"]).status_code == 410
    assert visitor.open(mails["new@example.com"]["report"]).status_code == 200
    assert visitor.open(mails["ann@example.com"]["cancel"]).status_code == 200


def test_a_mistyped_address_has_no_say(user, visitor):
    """Its owner is a stranger, who must neither stop the change nor take it back."""
    visitor.client.force_login(user)
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
