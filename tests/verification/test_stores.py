"""Where else a proof is noted: a field of the user, or `is_active` with a marker of ours."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from verification_stage import links_of, make_user, newest_link, queries, said

from django_mailplus.verification import (
    deactivate_until_verified,
    is_email_verified,
    make_verification_url,
    send_account_exists_email,
    send_verification_email,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.models import EmailAddress

BASE = "https://shop.example.com"
PROXY = type("Meta", (), {"proxy": True, "app_label": "people"})
shared_addresses = pytest.mark.skipif(
    get_user_model()._meta.get_field("email").unique,
    reason="this user model has unique addresses",
)
needs_fields = pytest.mark.skipif(
    not hasattr(get_user_model(), "email_verified"),
    reason="this user model has no field for it",
)


@pytest.fixture(autouse=True)
def shop(settings, no_throttle):
    settings.MAILPLUS |= {"BASE_URL": BASE}


@needs_fields
@pytest.mark.parametrize("field", ["email_verified", "email_verified_at"])
def test_a_field_of_the_user(settings, user, visitor, field):
    settings.MAILPLUS |= {"VERIFICATION_STORE": f"field:{field}"}
    send_verification_email(user)
    visitor.press(newest_link())
    user.refresh_from_db()
    assert getattr(user, field)
    assert is_email_verified(user)
    unverify_email_address(user)
    user.refresh_from_db()
    assert not getattr(user, field)


@needs_fields
def test_unticking_the_field_is_enough(settings, user, visitor):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified"}
    verify_email_address(user)
    user.refresh_from_db()
    user.email_verified = False
    user.save()
    assert not is_email_verified(user)
    send_verification_email(user)
    visitor.press(newest_link())
    user.refresh_from_db()
    assert is_email_verified(user)


@needs_fields
def test_a_link_from_before_the_unticking_does_not_tick_again(settings, user, visitor):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified"}
    send_verification_email(user)
    old = newest_link()
    visitor.press(old)
    type(user).objects.update(email_verified=False)
    user.refresh_from_db()
    visitor.press(old)
    user.refresh_from_db()
    assert not is_email_verified(user)


@needs_fields
def test_the_field_alone_proves_nothing(settings, user):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified"}
    user.email_verified = True
    user.save()
    assert not is_email_verified(user)
    verify_email_address(user)
    user.refresh_from_db()
    user.email = "other@example.com"
    assert not is_email_verified(user)


@pytest.fixture
def pending(settings, user):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "is_active"}
    deactivate_until_verified(user)
    return user


def test_a_pending_user_is_made_active_by_the_link(pending, visitor):
    assert not pending.is_active
    assert send_verification_email(pending).status == "sent"
    visitor.press(newest_link())
    pending.refresh_from_db()
    assert pending.is_active
    assert is_email_verified(pending)


def test_whoever_is_banned_afterwards_stays_so(pending, visitor):
    send_verification_email(pending)
    link = newest_link()
    visitor.press(link)
    type(pending).objects.update(is_active=False)
    pending.refresh_from_db()
    visitor.press(link)
    unverify_email_address(pending)
    assert send_verification_email(pending, force=True).status == "refused"
    visitor.press("/verify/resend/", email=pending.email)
    assert "verify" not in links_of(mail.outbox[-1])
    pending.refresh_from_db()
    assert not pending.is_active


@pytest.mark.parametrize("store", ["table", "is_active"])
def test_whoever_was_banned_before_stays_so(settings, user, visitor, store):
    settings.MAILPLUS |= {"VERIFICATION_STORE": store}
    send_verification_email(user)
    type(user).objects.update(is_active=False)
    user.refresh_from_db()
    page = visitor.press(newest_link())
    assert page.status_code == 410
    assert "not active" in page.content.decode()
    user.refresh_from_db()
    assert not user.is_active
    assert not is_email_verified(user)
    assert send_verification_email(user, force=True).status == "refused"


def test_a_ban_while_pending_is_to_take_the_marker_away(pending, visitor):
    send_verification_email(pending)
    unverify_email_address(pending)
    assert visitor.open(newest_link()).status_code == 410
    assert not EmailAddress.objects.get().activates_user
    assert send_verification_email(pending, force=True).status == "refused"


def test_an_inactive_user_is_not_taken_for_a_pending_one(settings):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "is_active"}
    banned = make_user("banned", "banned@example.com", is_active=False)
    with pytest.raises(ValueError, match="inactive already"):
        deactivate_until_verified(banned)
    assert not EmailAddress.objects.exists()


def test_a_user_without_an_address_is_not_locked_out(settings):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "is_active"}
    nobody = make_user("nobody", "")
    with pytest.raises(ValueError, match="no address"):
        deactivate_until_verified(nobody)
    nobody.refresh_from_db()
    assert nobody.is_active


def test_pending_needs_its_store(user):
    with pytest.raises(ImproperlyConfigured, match="VERIFICATION_STORE"):
        deactivate_until_verified(user)
    user.refresh_from_db()
    assert user.is_active


def test_a_pending_user_whose_address_was_proved_before(settings, user, visitor):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "is_active"}
    verify_email_address(user)
    deactivate_until_verified(user)
    send_verification_email(user, force=True)
    visitor.press(newest_link())
    user.refresh_from_db()
    assert user.is_active


def test_a_ban_by_code(settings, user, visitor):
    settings.MAILPLUS |= {"VERIFICATION_METHOD": "code"}
    result = send_verification_email(user)
    code = re.search(r"\b\d{6}\b", mail.outbox[0].body)[0]
    type(user).objects.update(is_active=False)
    visitor.open(result.sent_url)
    fields = {"form_token": visitor.page.context["form_token"], "code": code}
    visitor.send("/verify/code/", ticket=visitor.page.context["ticket"], **fields)
    user.refresh_from_db()
    assert not user.is_active
    assert not is_email_verified(user)


def test_a_ban_after_an_activation_by_hand(pending, visitor):
    send_verification_email(pending)
    link = newest_link()
    for active in (True, False):  # the mail was lost, somebody helped; then the ban
        pending.is_active = active
        pending.save()
    visitor.press(link)
    pending.refresh_from_db()
    assert not pending.is_active


def test_a_ban_after_an_activation_by_hand_and_another_mail(pending, visitor):
    for active in (True, False):
        pending.is_active = active
        pending.save()
    visitor.press("/verify/resend/", email=pending.email)
    assert "verify" not in links_of(mail.outbox[-1])
    assert send_verification_email(pending, force=True).status == "refused"


@needs_fields
def test_an_import_keeps_the_dates_of_the_field(settings, user):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified_at"}
    then = timezone.now() - timedelta(days=400)
    type(user).objects.update(email_verified_at=then)
    call_command(
        "importverifiedemails", field="email_verified_at", stdout=io.StringIO()
    )
    user.refresh_from_db()
    assert is_email_verified(user)
    assert user.email_verified_at == then


@needs_fields
def test_an_unticked_user_is_proved_anew(settings, user):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified"}
    verify_email_address(user)
    type(user).objects.update(email_verified=False)
    assert verify_email_address(user) == "verified"
    user.refresh_from_db()
    assert is_email_verified(user)


@shared_addresses
@needs_fields
def test_an_unticked_user_does_not_keep_the_address_from_its_owner(settings, user):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified"}
    verify_email_address(user)
    type(user).objects.update(email_verified=False)
    owner = make_user("owner", user.email)
    assert verify_email_address(owner) == "verified"
    user.refresh_from_db()
    owner.refresh_from_db()
    assert [is_email_verified(user), is_email_verified(owner)] == [False, True]


def test_a_ban_after_an_activation_in_bulk_and_a_login(pending, visitor):
    send_verification_email(pending)
    type(pending).objects.update(is_active=True)
    visitor.client.login(
        **{pending.USERNAME_FIELD: pending.get_username()}, password="secret"
    )
    type(pending).objects.update(is_active=False)
    visitor.press(newest_link())
    pending.refresh_from_db()
    assert not pending.is_active


def test_staff_put_the_address_of_a_pending_user_right(pending, visitor):
    pending.email = "right@example.com"
    pending.save()
    assert send_verification_email(pending).status == "sent"
    visitor.press(newest_link())
    pending.refresh_from_db()
    assert pending.is_active
    assert is_email_verified(pending)
    assert not EmailAddress.objects.filter(activates_user=True).exists()


def test_a_ban_of_a_pending_user_whose_address_was_put_right(pending, visitor):
    pending.email = "right@example.com"
    pending.save()
    send_verification_email(pending)
    unverify_email_address(pending)
    assert not EmailAddress.objects.filter(activates_user=True).exists()
    assert send_verification_email(pending, force=True).status == "refused"


def test_a_pending_user_who_signs_up_again_is_let_in_and_warned(pending, visitor):
    send_account_exists_email(pending.email)
    (message,) = mail.outbox
    assert "You have an account" in message.subject
    for words in (said(message), message.alternatives[0][0]):
        assert "somebody else knows the password" in words
    visitor.press(newest_link())
    pending.refresh_from_db()
    assert pending.is_active
    send_account_exists_email(pending.email)
    assert "log in as usual" in said(mail.outbox[-1])
    assert set(links_of(mail.outbox[-1])) == {"site"}


@shared_addresses
def test_the_most_that_a_confirmation_costs(pending, visitor):
    """Somebody had proved the address before, and the account waits to be activated."""
    former = make_user("former", pending.email)
    verify_email_address(former)
    former.email = "other@example.com"
    former.save()
    send_verification_email(pending)
    token = visitor.open(newest_link()).context["form_token"]
    with queries() as captured:
        visitor.client.post(newest_link().removeprefix(BASE), {"form_token": token})
    assert len(captured()) == 8 + (not connection.features.has_select_for_update)
    pending.refresh_from_db()
    assert pending.is_active


def test_an_activation_by_hand_of_a_proxy_counts_too(pending, visitor):
    """Its model is the sender of the signal, not the user's."""
    send_verification_email(pending)
    proxy = type("Customer", (type(pending),), {"__module__": "people", "Meta": PROXY})
    try:
        customer = proxy._default_manager.get(pk=pending.pk)
        for active in (True, False):
            customer.is_active = active
            customer.save()
    finally:
        apps.all_models["people"].pop("customer")
        apps.clear_cache()
    visitor.press(newest_link())
    pending.refresh_from_db()
    assert not pending.is_active


@pytest.mark.parametrize("asked", [True, False])
def test_a_dormant_account_proves_its_address_again(settings, user, visitor, asked):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "is_active"}
    verify_email_address(user)
    deactivate_until_verified(user)
    if asked:
        visitor.press("/verify/resend/", email=user.email)
    else:
        assert send_verification_email(user).status == "sent"
    visitor.press(newest_link())
    user.refresh_from_db()
    assert user.is_active


@needs_fields
@pytest.mark.parametrize("way", ["link", "sign-up"])
def test_any_new_link_ticks_what_was_unticked(settings, user, visitor, way):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "field:email_verified"}
    verify_email_address(user)
    type(user).objects.update(email_verified=False)
    user.refresh_from_db()
    if way == "link":
        visitor.press(make_verification_url(user))
    else:
        send_account_exists_email(user.email)
        visitor.press(newest_link())
    user.refresh_from_db()
    assert is_email_verified(user)


@pytest.mark.parametrize("state", ["unknown", "active", "banned", "waiting"])
def test_the_work_tells_nothing_of_an_account(settings, visitor, state):
    settings.MAILPLUS |= {"VERIFICATION_STORE": "is_active"}
    if state != "unknown":
        somebody = make_user("somebody", "somebody@example.com")
        if state == "banned":
            type(somebody).objects.update(is_active=False)
        elif state == "waiting":
            deactivate_until_verified(somebody)
    visitor.open("/verify/resend/")
    with queries() as captured:
        visitor.send(
            "/verify/resend/",
            form_token=visitor.page.context["form_token"],
            email="somebody@example.com",
        )
    assert len(captured()) == 5
