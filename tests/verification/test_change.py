"""Change of address: the new one proves itself, the old one can undo it."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import connection
from verification_stage import links_of, make_user, newest_link, queries

from django_mailplus.verification import (
    cancel_email_change,
    is_email_verified,
    send_verification_email,
    signals,
    start_email_change,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.change_links import cancel_link, confirm_change_link
from django_mailplus.verification.links import uid_of
from django_mailplus.verification.models import EmailAddress
from django_mailplus.verification.public import request_verification_email
from django_mailplus.verification.tickets import Ticket
from django_mailplus.verification.tokens import make_token

BASE = "https://shop.example.com"
# A query more where there are no locks on rows: see locks.py.
WRITES_FIRST = not connection.features.has_select_for_update


@pytest.fixture(autouse=True)
def unlimited(no_throttle):
    """The limits have tests of their own."""


@pytest.fixture
def ann(user, visitor):
    """Whose address is proved, and whose browser the visitor's is."""
    verify_email_address(user)
    visitor.client.force_login(user)
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


def change(user, visitor, email):
    """Go through with a change; the mails by address, as they left."""
    mails = start(user, email)
    visitor.press(mails[email]["change"])
    user.refresh_from_db()
    assert user.email == email
    return mails


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


def test_the_new_mailbox_reports_under_another_spelling(ann, visitor):
    visitor.press(start(ann, "victim@example.com")["victim@example.com"]["report"])
    result = start_email_change(ann, '"Victim"@example.com', base_url=BASE)
    assert result.status == "refused"


def test_what_is_no_address(ann):
    with pytest.raises(ValueError, match="check it with a form"):
        start_email_change(ann, "", base_url=BASE)


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


# --- Whoever is logged in goes through with it


def test_a_mistyped_new_address_does_not_hand_over_the_account(ann, visitor, settings):
    settings.LOGIN_URL = "/verify/done/"  # any page will do
    link = start(ann, "typo@example.com")["typo@example.com"]["change"]
    visitor.client.logout()
    page = visitor.press(link)
    path = link.removeprefix(BASE)
    assert page.redirect_chain == [(f"/verify/done/?next={path}", 302)]
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_somebody_else_who_is_logged_in_does_not_either(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    visitor.client.force_login(make_user("bob", "bob@example.com"))
    page = visitor.press(link)
    assert page.status_code == 200
    assert "logged in to another account" in page.content.decode()
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_another_site_cannot_press_the_button(ann, visitor):
    link = start(ann)["new@example.com"]["change"]
    token = visitor.open(link).context["form_token"]
    assert visitor.send(link, form_token=token).status_code == 403
    ann.refresh_from_db()
    assert ann.email == "ann@example.com"


def test_a_project_without_sessions(ann, visitor, settings):
    settings.MAILPLUS |= {"VERIFICATION_CHANGE_LOGIN": False}
    link = start(ann)["new@example.com"]["change"]
    visitor.client.logout()
    visitor.press(link)
    ann.refresh_from_db()
    assert ann.email == "new@example.com"


# --- What old addresses are told


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
    visitor.client.force_login(user)
    mails = start(user)
    assert list(mails) == ["new@example.com"]
    visitor.press(mails["new@example.com"]["change"])
    user.refresh_from_db()
    assert user.email == "new@example.com"
    assert is_email_verified(user)


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


def test_the_page(ann, visitor):
    visitor.client.logout()
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
