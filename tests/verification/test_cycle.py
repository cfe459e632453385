"""From the mail to the proof, and everything that must not get there.

Runs for other user models and databases as well: see tests/test_elsewhere.py.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection, transaction
from verification_stage import links_of, make_user, newest_link, queries

from django_mailplus.templated.recipient import email_field_of
from django_mailplus.verification import (
    is_email_verified,
    make_verification_url,
    send_verification_email,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.models import EmailAddress

BASE = "https://shop.example.com"
# A query more where there are no locks on rows: see locks.py.
WRITES_FIRST = not connection.features.has_select_for_update


def send(user, **options):
    return send_verification_email(user, base_url=BASE, **options)


def test_the_button_verifies_and_the_link_alone_does_not(user, visitor):
    assert send(user).status == "sent"
    (message,) = mail.outbox
    assert message.to == ["ann@example.com"]
    url = newest_link()
    assert url.startswith(f"{BASE}/verify/")
    page = visitor.open(url)
    assert page.status_code == 200
    assert "ann@example.com" in page.content.decode()
    assert not is_email_verified(user)
    page = visitor.press(url)
    assert page.redirect_chain[-1][0] == "/verify/done/"
    assert is_email_verified(user)
    assert EmailAddress.objects.get().verified_at is not None


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_no_other_method_verifies(user, visitor, method):
    send(user)
    for _ in range(2):
        getattr(visitor.client, method)(newest_link().removeprefix(BASE))
    assert not is_email_verified(user)


def test_a_bare_post_of_a_scanner_does_not_verify(user, visitor):
    send(user)
    for fields in ({}, {"form_token": ""}, {"form_token": "guess"}):
        page = visitor.send(newest_link(), **fields)
        assert page.status_code == 200  # Django logs the paths of refusals
        assert "Yes, confirm it" in page.content.decode()
    assert not is_email_verified(user)


def test_a_spent_link_says_that_all_is_well(user, visitor):
    send(user)
    visitor.press(newest_link())
    page = visitor.open(newest_link())
    assert page.status_code == 200
    assert "confirmed already" in page.content.decode()


def test_two_tabs(user, visitor):
    send(user)
    first, second = (
        visitor.open(newest_link()).context["form_token"] for _ in range(2)
    )
    visitor.send(newest_link(), form_token=first)
    page = visitor.send(newest_link(), form_token=second)
    assert page.status_code == 200
    assert "confirmed already" in page.content.decode()


def test_a_login_between_mail_and_click_changes_nothing(user, visitor):
    send(user)
    visitor.client.force_login(user)
    user.refresh_from_db()
    assert user.last_login is not None
    visitor.press(newest_link())
    assert is_email_verified(user)


def test_a_new_password_ends_the_link(user, visitor):
    send(user)
    user.set_password("another")
    user.save()
    assert visitor.open(newest_link()).status_code == 410


def test_an_address_that_changed_in_between_ends_the_link(user, visitor):
    send(user)
    setattr(user, email_field_of(user), "bob@example.com")
    user.save()
    token = visitor.open(newest_link()).context["form_token"]
    page = visitor.send(newest_link(), form_token=token)
    assert page.status_code == 410
    assert not is_email_verified(user)
    assert not is_email_verified(user, email="ann@example.com")


def test_letters_may_change_their_case_in_between(user, visitor):
    send(user)
    setattr(user, email_field_of(user), "Ann@Example.com")
    user.save()
    visitor.press(newest_link())
    assert is_email_verified(user)


def test_an_edit_anywhere_makes_the_address_unverified(user):
    verify_email_address(user)
    assert is_email_verified(user)
    setattr(user, email_field_of(user), "bob@example.com")
    assert not is_email_verified(user)
    setattr(user, email_field_of(user), "")
    assert not is_email_verified(user)


def test_earlier_mails_keep_working(user, visitor, no_throttle):
    send(user)
    first = newest_link()
    send(user)
    assert len(mail.outbox) == 2
    visitor.press(first)
    assert is_email_verified(user)


def test_taking_the_proof_back_ends_links_too(user, visitor):
    send(user)
    visitor.press(newest_link())
    unverify_email_address(user)
    assert not is_email_verified(user)
    assert visitor.open(newest_link()).status_code == 410


def test_this_was_not_me(user, visitor):
    send(user)
    links = links_of(mail.outbox[0])
    assert visitor.open(links["report"]).status_code == 200
    visitor.press(links["report"])
    assert "Thank you" in visitor.page.content.decode()
    assert visitor.open(links["verify"]).status_code == 410
    assert send(user, force=True).status == "refused"
    assert len(mail.outbox) == 1


def test_a_report_takes_a_proof_back(user, visitor):
    send(user)
    links = links_of(mail.outbox[0])
    visitor.press(links["verify"])
    user.set_password("of the thief")
    user.save()
    visitor.press(links["report"])
    assert not is_email_verified(user)


def test_a_deleted_user(user, visitor):
    send(user)
    user.delete()
    assert visitor.open(newest_link()).status_code == 410
    token = visitor.page.context["form_token"]
    assert visitor.send(newest_link(), form_token=token).status_code == 410


def test_a_link_of_one_user_is_nothing_for_another(user, visitor):
    bob = make_user("bob", "bob@example.com")
    send(user)
    send(bob)
    (_, _, _, ann_uid, ann_token, _), (_, _, _, bob_uid, bob_token, _) = (
        links_of(message)["verify"].removeprefix("https:/").split("/")
        for message in mail.outbox
    )
    for uid, token in ((ann_uid, bob_token), (bob_uid, ann_token)):
        assert visitor.open(f"/verify/{uid}/{token}/").status_code == 410


def test_one_address_is_proved_by_one_user_only(user, visitor, no_throttle):
    if get_user_model()._meta.get_field(email_field_of(user)).unique:
        pytest.skip("this user model has unique addresses")
    other = make_user("other", "ANN@example.com")
    send(user)
    send(other)
    first, second = (links_of(message)["verify"] for message in mail.outbox)
    visitor.press(second)
    page = visitor.press(first)
    assert page.status_code == 410
    assert "Another account" in page.content.decode()
    assert (is_email_verified(other), is_email_verified(user)) == (True, False)


def test_an_address_left_behind_can_be_proved_by_its_next_owner(user):
    verify_email_address(user)
    setattr(user, email_field_of(user), "new@example.com")
    user.save()
    next_owner = make_user("next", "ann@example.com")
    assert verify_email_address(next_owner) == "verified"
    setattr(user, email_field_of(user), "ann@example.com")
    assert not is_email_verified(user)


def test_another_address_than_the_current_is_no_proof_and_leaves_no_row(user):
    assert verify_email_address(user, "other@example.com") == "address_changed"
    assert not EmailAddress.objects.exists()


def test_a_link_works_however_many_came_after_it(user, visitor):
    send(user)
    first = newest_link()
    for number in range(25):
        EmailAddress.of(user, f"{number}@example.com", "contact").save()
    visitor.press(first)
    assert is_email_verified(user)


def test_statuses(user):
    assert send(make_user("none", "")).status == "no_address"
    assert send(user).status == "sent"
    again = send(user)
    assert again.status == "throttled"
    assert timedelta(0) < again.retry_after <= timedelta(seconds=60)
    verify_email_address(user)
    assert send(user).status == "already_verified"
    assert send(user, force=True).status == "sent"
    assert len(mail.outbox) == 2


def test_in_a_transaction_the_mail_leaves_on_commit(
    user, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        with transaction.atomic():
            assert send(user).status == "queued"
            assert mail.outbox == []
        assert mail.outbox == []
    for callback in callbacks:
        callback()
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rollback_sends_nothing(user):
    with transaction.atomic():
        assert send(user).status == "queued"
        transaction.set_rollback(True)
    assert mail.outbox == []
    assert not EmailAddress.objects.exists()
    with transaction.atomic():
        assert send(user).status == "queued"  # nor is it throttled
    assert len(mail.outbox) == 1


def test_costs(user, visitor):
    with queries() as captured:
        send(user)
    assert len(captured()) == 4
    token = visitor.open(newest_link()).context["form_token"]
    with queries() as captured:
        visitor.client.post(newest_link().removeprefix(BASE), {"form_token": token})
    assert len(captured()) == 3 + WRITES_FIRST
    with queries() as captured:
        assert is_email_verified(user)
    assert len(captured()) == 1
    users = get_user_model()._default_manager.prefetch_related("mailplus_addresses")
    prefetched = users.get(pk=user.pk)
    with queries() as captured:
        assert is_email_verified(prefetched)
    assert captured() == []


def test_a_link_for_a_mail_of_ones_own(user, visitor):
    url = make_verification_url(user, base_url=BASE, next_url="/welcome/")
    assert url.endswith("?next=%2Fwelcome%2F")
    page = visitor.client.get(url.removeprefix(BASE))
    response = visitor.client.post(
        url.removeprefix(BASE), {"form_token": page.context["form_token"]}
    )
    assert response.headers["Location"] == "/welcome/"
    assert is_email_verified(user)
