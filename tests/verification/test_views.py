"""What every page promises, and where a proof leads."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core import mail
from django.utils import timezone
from verification_stage import links_of, make_user, newest_link, own_fields

from django_mailplus.verification import (
    is_email_verified,
    send_account_exists_email,
    send_verification_email,
    start_email_change,
)
from django_mailplus.verification.models import SendingAllowance
from django_mailplus.verification.sending import was_remembered

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


def test_the_page_of_whoever_was_never_mailed(user, visitor):
    visitor.client.force_login(user)
    page = visitor.open("/verify/sent/")
    text = page.content.decode()
    assert "ann@example.com" in text
    assert "Send me the mail" in text
    assert "should arrive" not in text
    page = visitor.send("/verify/resend/", **own_fields(page))
    assert "should arrive" in page.content.decode()
    assert mail.outbox[0].to == ["ann@example.com"]


def test_a_notice_is_no_verification_mail(user, visitor):
    start_email_change(user, "new@example.com", base_url=BASE)
    visitor.client.force_login(user)
    page = visitor.open("/verify/sent/")
    assert "Send me the mail" in page.content.decode()
    assert page.context["wait"] in (59, 60)


def test_the_page_of_whoever_has_no_address(visitor):
    visitor.client.force_login(make_user("nobody", ""))
    text = visitor.open("/verify/sent/").content.decode()
    assert "no address yet" in text
    assert 'href="/verify/change/"' in text


@pytest.mark.parametrize("own", [True, False])
def test_the_countdown_goes_on_where_it_was(user, visitor, monkeypatch, own):
    result = send_verification_email(user, base_url=BASE)
    visitor.client.force_login(user)
    url = "/verify/sent/" if own else result.sent_url
    assert visitor.open(url).context["wait"] in (59, 60)
    SendingAllowance.objects.update(last_sent_at=timezone.now() - timedelta(seconds=40))
    later = time.time() + 40
    monkeypatch.setattr("django_mailplus.verification.tickets.time.time", lambda: later)
    assert visitor.open(url).context["wait"] in (19, 20)
    later += 40
    SendingAllowance.objects.update(last_sent_at=timezone.now() - timedelta(seconds=80))
    assert visitor.open(url).context["wait"] == 0


def test_a_ticket_does_not_tell_when_others_asked(user, visitor):
    send_verification_email(user, base_url=BASE)
    SendingAllowance.objects.update(last_sent_at=timezone.now() - timedelta(seconds=40))
    page = visitor.press("/verify/resend/", email=user.email)
    assert page.context["wait"] == 60


@pytest.mark.parametrize("taken", [True, False])
def test_a_session_that_the_browser_can_read_tells_nothing(user, settings, rf, taken):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True, "BASE_URL": BASE}
    request = rf.get("/")
    request.session = SessionStore()
    if taken:
        send_account_exists_email(user.email, request=request)
    else:
        send_verification_email(user, request=request)
    ((nonce, digest),) = request.session.values()
    assert (len(nonce), len(digest)) == (32, 64)
    assert int(nonce + digest, 16)
    assert was_remembered(request, user) is not taken
    assert not was_remembered(request, user)  # it is asked once


def test_the_button_logs_nobody_else_out(user, visitor, settings, rf):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True, "BASE_URL": BASE}
    bob = make_user("bob", "bob@example.com")
    request = rf.get("/")
    request.session = visitor.client.session
    send_verification_email(user, request=request)
    request.session.save()
    visitor.client.force_login(bob)
    visitor.press(newest_link())
    assert visitor.client.session["_auth_user_id"] == str(bob.pk)
    assert is_email_verified(user)


def test_a_proof_for_a_purpose_of_ones_own_is_no_login(user, visitor, settings, rf):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True, "BASE_URL": BASE}
    request = rf.get("/")
    request.session = SessionStore()
    send_verification_email(
        user, request=request, email="list@example.org", purpose="newsletter"
    )
    assert request.session.is_empty()


@pytest.mark.parametrize("kept", ["MQ", ["a"], {"a": 1}, 5, ""])
def test_what_else_stands_in_a_session_is_no_sign_up(user, rf, kept):
    request = rf.get("/")
    request.session = SessionStore()
    request.session["mailplus_verifying"] = kept
    assert not was_remembered(request, user)
