"""What every page promises, and where a proof leads."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from verification_stage import links_of, make_user, newest_link

from django_mailplus.verification import (
    is_email_verified,
    send_verification_email,
    start_email_change,
)

BASE = "https://shop.example.com"


@pytest.fixture
def pages(user, visitor):
    """An address of every page."""
    result = send_verification_email(user, base_url=BASE)
    start_email_change(user, "new@example.com", base_url=BASE)
    links = {}
    for message in mail.outbox:
        links |= links_of(message)
    visitor.client.force_login(user)
    own = ("resend", "code", "done", "change", "sent", "no/such")
    return [*links.values(), result.sent_url, *(f"/verify/{name}/" for name in own)]


def test_no_page_is_kept_found_or_told_about(pages, visitor):
    for url in pages:
        page = visitor.open(url)
        assert page.status_code in (200, 410)
        assert page.headers["Referrer-Policy"] == "same-origin", url
        assert "noindex" in page.headers["X-Robots-Tag"], url
        assert "no-store" in page.headers["Cache-Control"], url


def test_no_page_needs_more_than_a_strict_policy(pages, visitor):
    for url in pages:
        text = visitor.open(url).content.decode()
        assert not re.search(r"<script>|<style| style=| on\w+=|javascript:", text), url
        assert "MISSING" not in text, url


def test_every_page_says_its_language_and_has_one_heading(pages, visitor):
    for url in pages:
        text = visitor.open(url).content.decode()
        assert '<html lang="en-us">' in text
        assert len(re.findall("<h1", text)) == 1, url
        for field in re.findall(r'<input(?![^>]*type="hidden")[^>]*id="(\w+)"', text):
            assert f'for="{field}"' in text, (url, field)


def test_links_set_no_cookie(user, visitor):
    send_verification_email(user, base_url=BASE)
    visitor.press(newest_link())
    assert not visitor.client.cookies
    assert is_email_verified(user)


@pytest.mark.parametrize(
    ("setting", "target"),
    [("", "/verify/done/"), ("home", "/"), ("/welcome/", "/welcome/")],
)
def test_where_a_proof_leads(user, visitor, settings, setting, target):
    settings.MAILPLUS = {"VERIFICATION_SUCCESS_URL": setting}
    send_verification_email(user, base_url=BASE)
    page = visitor.press(newest_link())
    assert page.redirect_chain == [(target, 302)]


def test_nobody_is_logged_in_by_a_link(user, visitor):
    send_verification_email(user, base_url=BASE)
    visitor.press(newest_link())
    assert "_auth_user_id" not in visitor.client.session


@pytest.mark.parametrize("same_browser", [True, False])
def test_a_login_for_the_browser_that_signed_up(
    user, visitor, settings, rf, same_browser
):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True, "BASE_URL": BASE}
    request = rf.get("/")
    request.session = visitor.client.session
    send_verification_email(user, request=request)
    request.session.save()
    if not same_browser:
        visitor.client.cookies.clear()
    visitor.press(newest_link())
    assert is_email_verified(user)
    assert ("_auth_user_id" in visitor.client.session) is same_browser


def test_a_login_is_for_the_user_who_signed_up_there(user, visitor, settings, rf):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True, "BASE_URL": BASE}
    other = make_user("other", "other@example.com")
    request = rf.get("/")
    request.session = visitor.client.session
    send_verification_email(user, request=request)
    request.session.save()
    send_verification_email(other)
    visitor.press(newest_link())  # that of the other
    assert is_email_verified(other)
    assert "_auth_user_id" not in visitor.client.session


def test_pages_work_in_a_project_without_login(user, visitor, settings):
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    settings.MAILPLUS = {"BASE_URL": BASE}
    send_verification_email(user)
    visitor.press(newest_link())
    assert is_email_verified(user)
    assert visitor.open("/verify/sent/").status_code == 302
    page = visitor.press("/verify/resend/", email="x@example.com")
    assert "Check your mail" in page.content.decode()
