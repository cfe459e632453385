"""Codes to type: six digits, three tries, fifteen minutes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from verification_stage import links_of, make_user, own_fields, queries

from django_mailplus.verification import (
    is_email_verified,
    proofs,
    send_account_exists_email,
    send_verification_email,
    unverify_email_address,
)
from django_mailplus.verification.models import EmailAddress

BASE = "https://shop.example.com"
CODE = "/verify/code/"


@pytest.fixture(autouse=True)
def by_code(settings, no_throttle):
    settings.MAILPLUS |= {"VERIFICATION_METHOD": "code", "BASE_URL": BASE}


def newest_code():
    return re.search(r"^\d{6}$", mail.outbox[-1].body, re.M)[0]


def another(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.fixture
def sent(user, visitor):
    """The page after a sign-up; a function that types a code there."""
    result = send_verification_email(user, base_url=BASE)
    page = visitor.open(result.sent_url)
    fields = {"form_token": page.context["form_token"], "ticket": result.ticket}
    return lambda code: visitor.send(CODE, code=code, **fields)


def test_the_right_code_verifies(user, sent):
    page = sent(newest_code())
    assert page.redirect_chain[-1][0] == "/verify/done/"
    assert is_email_verified(user)


def test_spaces_do_not_matter(user, sent):
    code = newest_code()
    sent(f" {code[:3]} {code[3:]} ")
    assert is_email_verified(user)


def test_the_mail_holds_no_link_that_verifies_and_the_subject_the_code(user, sent):
    assert "verify" not in links_of(mail.outbox[0])
    assert mail.outbox[0].subject.startswith(newest_code())


def test_both(user, visitor, settings):
    settings.MAILPLUS |= {"VERIFICATION_METHOD": "both"}
    send_verification_email(user, base_url=BASE)
    assert newest_code()
    visitor.press(links_of(mail.outbox[0])["verify"])
    assert is_email_verified(user)


def test_a_link_that_was_used_ends_the_code(user, visitor, settings):
    settings.MAILPLUS |= {"VERIFICATION_METHOD": "both"}
    send_verification_email(user, base_url=BASE)
    visitor.press(links_of(mail.outbox[0])["verify"])
    assert EmailAddress.objects.get().code_hash == ""


def test_three_tries(user, sent):
    code = newest_code()
    for _ in range(3):
        page = sent(another(code))
        assert page.status_code == 200
        assert "wrong or too old" in page.content.decode()
    sent(code)
    assert not is_email_verified(user)


def test_the_third_try_may_be_right(user, sent):
    code = newest_code()
    sent(another(code))
    sent(another(code))
    sent(code)
    assert is_email_verified(user)


def test_fifteen_minutes(user, sent):
    row = EmailAddress.objects.get()
    left = row.code_expires_at - timezone.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    EmailAddress.objects.update(code_expires_at=timezone.now())
    sent(newest_code())
    assert not is_email_verified(user)


def test_a_new_mail_brings_a_new_code_and_new_tries(user, sent, visitor):
    first = newest_code()
    for _ in range(3):
        page = sent(another(first))
    hidden = {
        "form_token": page.context["form_token"],
        "ticket": page.context["ticket"],
    }
    visitor.send("/verify/resend/", **hidden)
    second = newest_code()
    if first != second:
        sent(first)
        assert not is_email_verified(user)
    sent(second)
    assert is_email_verified(user)


def test_strangers_use_up_no_tries(user, sent, visitor):
    """Whoever asks for a mail to somebody's address gets a page to type codes as well."""
    code = newest_code()
    EmailAddress.objects.update(
        reported_at=timezone.now()
    )  # no second mail, no new code
    page = visitor.press("/verify/resend/", email=user.email)
    for _ in range(5):
        visitor.send(
            CODE,
            code=another(code),
            form_token=page.context["form_token"],
            ticket=page.context["ticket"],
        )
    assert EmailAddress.objects.get().code_attempts == 0
    EmailAddress.objects.update(reported_at=None)
    sent(code)
    assert is_email_verified(user)


def test_a_code_works_once(user, sent):
    code = newest_code()
    sent(code)
    unverify_email_address(user)
    sent(code)
    assert not is_email_verified(user)


def test_a_new_password_ends_the_code(user, sent):
    user.set_password("another")
    user.save()
    sent(newest_code())
    assert not is_email_verified(user)


def test_an_address_that_changed_ends_the_code(user, sent):
    user.email = "bob@example.com"
    user.save()
    sent(newest_code())
    assert not is_email_verified(user)
    assert not is_email_verified(user, email="ann@example.com")


def test_the_code_is_kept_nowhere(user, sent):
    code = newest_code()
    (row,) = EmailAddress.objects.values()
    assert all(code != str(value) for value in row.values())
    assert re.fullmatch(r"[0-9a-f]{64}", row["code_hash"])


def test_a_bare_post_costs_no_try(user, sent, visitor):
    page = visitor.client.post(CODE, {"code": newest_code()})
    assert page.status_code == 302  # nobody logged in, no ticket
    assert EmailAddress.objects.get().code_attempts == 0


def test_whoever_is_logged_in_types_it_without_a_ticket(user, visitor):
    visitor.client.force_login(user)
    send_verification_email(user, base_url=BASE)
    page = visitor.open("/verify/sent/")
    assert page.context["code_form"] is not None
    visitor.send(CODE, code=newest_code(), **own_fields(page))
    assert is_email_verified(user)


def test_a_code_leads_where_the_link_would(user, visitor):
    result = send_verification_email(user, next_url="/basket/", base_url=BASE)
    page = visitor.open(result.sent_url)
    fields = {"form_token": page.context["form_token"], "ticket": result.ticket}
    answer = visitor.client.post(CODE, {"code": newest_code(), **fields})
    assert answer.headers["Location"] == "/basket/"


def test_another_mail_gives_no_tries_back(user, sent):
    code = newest_code()
    for _ in range(3):
        sent(another(code))
    send_account_exists_email("ann@example.com")
    assert EmailAddress.objects.get().code_attempts == 3
    sent(code)
    assert not is_email_verified(user)


def test_a_code_for_one_call(user, visitor, settings):
    settings.MAILPLUS |= {"VERIFICATION_METHOD": "link"}
    result = send_verification_email(
        user, method="code", email="b@example.com", purpose="invoices", base_url=BASE
    )
    page = visitor.open(result.sent_url)
    fields = {"form_token": page.context["form_token"], "ticket": result.ticket}
    visitor.send(CODE, code=newest_code(), **fields)
    assert is_email_verified(user, email="b@example.com", purpose="invoices")
    assert not is_email_verified(user)


def test_a_code_is_good_for_its_own_account(user, visitor):
    bob = make_user("bob", "bob@example.com")
    send_verification_email(user, base_url=BASE)
    code = newest_code()
    send_verification_email(bob, base_url=BASE)
    if newest_code() == code:
        pytest.skip("one chance in a million")
    visitor.client.force_login(bob)
    page = visitor.open("/verify/sent/")
    visitor.send(CODE, code=code, **own_fields(page))
    assert not is_email_verified(bob)
    assert not is_email_verified(user)


@pytest.mark.parametrize("typed", ["", "abc", "0" * 41, "\0", "\u0661\u0662\u0663"])
def test_anything_else_is_the_page_again(user, sent, typed):
    page = sent(typed)
    assert page.status_code == 200
    assert not is_email_verified(user)


def test_a_code_as_long_as_the_project_wants(user, settings):
    settings.MAILPLUS |= {"VERIFICATION_CODE_LENGTH": 8}
    send_verification_email(user, base_url=BASE)
    assert re.search(r"^\d{8}$", mail.outbox[-1].body, re.M)


def test_a_code_costs_four_queries(user):
    for _ in range(2):
        with queries() as captured:
            send_verification_email(user, base_url=BASE)
        assert len(captured()) == 4


def test_a_wrong_code_costs_the_same_for_known_and_unknown_addresses(user, visitor):
    costs = set()
    for email in ("ann@example.com", "unknown@example.com"):
        page = visitor.press("/verify/resend/", email=email)
        fields = {k: page.context[k] for k in ("form_token", "ticket")}
        with queries() as captured:
            page = visitor.send(CODE, code="000000", **fields)
        assert "wrong or too old" in page.content.decode()
        costs.add(len(captured()))
    assert len(costs) == 1


def test_a_stranger_who_asks_for_a_mail_ends_no_code(user, sent, visitor):
    code = newest_code()
    visitor.press("/verify/resend/", email=user.email)
    assert not re.search(r"^\d+$", mail.outbox[-1].body, re.M)
    assert "verify" in links_of(mail.outbox[-1])  # for whoever did not get the first
    sent(code)
    assert is_email_verified(user)


@pytest.mark.parametrize("gone", ["user", "row"])
def test_what_is_deleted_between_the_code_and_the_proof(user, sent, monkeypatch, gone):
    def then_delete(*args):
        (user if gone == "user" else EmailAddress.objects.get()).delete()
        return True

    monkeypatch.setattr(proofs, "try_code", then_delete)
    assert "wrong or too old" in sent(newest_code()).content.decode()
