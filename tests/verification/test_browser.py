"""The pages in a real browser, which knows about cookies, origins and policies."""

from __future__ import annotations

import re

import pytest
from browser_stage import SIZES, STRICT, fits, log_in
from contrast import CONTRAST
from django.core import mail
from verification_stage import links_of, make_user

from django_mailplus.verification import is_email_verified, send_verification_email


@pytest.fixture
def link(site, user):
    send_verification_email(user)
    return links_of(mail.outbox[-1])["verify"]


@pytest.mark.parametrize("size", SIZES)
def test_open_the_link_and_press_the_button(new_page, link, user, size):
    page = new_page(size)
    origins = []
    page.on(
        "request",
        lambda asked: origins.append((asked.method, asked.all_headers().get("origin"))),
    )
    response = page.goto(link)
    assert response.headers["content-security-policy"] == STRICT
    assert fits(page)
    assert not is_email_verified(user)
    page.get_by_role("button", name="Yes, confirm it").click()
    page.get_by_role("heading", name="your address is confirmed").wait_for()
    assert fits(page)
    assert is_email_verified(user)
    posted = [origin for method, origin in origins if method == "POST"]
    assert posted == [re.match(r"https?://[^/]+", link)[0]]  # and not "null"


def test_a_click_in_webmail_which_is_another_site(new_page, link, user):
    page = new_page()
    webmail = link.split("/verify/")[0].replace("localhost", "127.0.0.1")
    assert not link.startswith(webmail)
    page.goto(webmail)
    page.set_content(f'<a href="{link}">Confirm</a>')
    page.get_by_role("link").click()
    page.get_by_role("button", name="Yes, confirm it").click()
    page.get_by_role("heading", name="your address is confirmed").wait_for()
    assert is_email_verified(user)


def test_with_cookies_off(new_page, link, user):
    page = new_page()

    def without_cookies(route):
        response = route.fetch()
        headers = {k: v for k, v in response.headers.items() if k != "set-cookie"}
        route.fulfill(response=response, headers=headers)

    page.route("**/verify/**", without_cookies)
    page.goto(link)
    page.get_by_role("button", name="Yes, confirm it").click()
    page.get_by_role("heading", name="your address is confirmed").wait_for()
    assert page.context.cookies() == []
    assert is_email_verified(user)


def test_without_scripts_and_with_the_keyboard_alone(new_page, link, user):
    page = new_page(java_script_enabled=False)
    page.goto(link)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="your address is confirmed").wait_for()
    assert is_email_verified(user)


def test_the_whole_way_with_a_code(new_page, site, user, settings):
    settings.MAILPLUS |= {"VERIFICATION_METHOD": "code"}
    result = send_verification_email(user)
    page = new_page("phone")
    page.goto(site + result.sent_url)
    assert fits(page)
    page.get_by_label("Code").fill(re.search(r"^\d+$", mail.outbox[-1].body, re.M)[0])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="your address is confirmed").wait_for()
    assert is_email_verified(user)


def test_another_mail_after_the_countdown(new_page, site, user, settings):
    result = send_verification_email(user)
    page = new_page("phone")
    page.clock.install()
    page.goto(site + result.sent_url)
    button = page.get_by_role("button", name="Send another mail")
    assert button.is_disabled()
    assert re.search(r"\d+ s$", button.inner_text())
    settings.MAILPLUS |= {"VERIFICATION_RESEND_COOLDOWN": 0}  # it is over
    page.clock.fast_forward("01:00")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        button.click()  # waits until it is enabled
    page.get_by_role("heading", name="Check your mail").wait_for()
    assert len(mail.outbox) == 2


def test_change_of_address(new_page, site, user, client):
    client.force_login(user)
    page = new_page("phone")
    log_in(page, client, site)
    page.goto(f"{site}/verify/change/")
    assert fits(page)
    page.get_by_label("New email address").fill("new@example.com")
    page.get_by_label("Your password").fill("secret")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Check your mail").wait_for()
    page.goto(links_of(mail.outbox[-1])["change"])
    page.get_by_role("button", name="Yes, use it").click()
    page.get_by_role("heading", name="Your address is changed").wait_for()
    user.refresh_from_db()
    assert user.email == "new@example.com"
    assert is_email_verified(user)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(new_page, link, size, scheme):
    """The contrast of WCAG 2.2 level AA, 4.5 to 1, for what is on the page."""
    page = new_page(size, color_scheme=scheme)
    page.goto(link)
    for selector in ("h1", "p", ".mailplus-small", "button", ".mailplus-address"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, (selector, ratio)
    page.get_by_role("button").click()
    onwards = page.get_by_role("link", name="Go to the site")
    assert onwards.evaluate(CONTRAST) >= 4.5


def test_two_mailboxes_in_two_browsers(new_page, site, user):
    other = make_user("other", "other@example.com")
    for person in (user, other):
        send_verification_email(person)
    for message in mail.outbox:
        page = new_page()
        page.goto(links_of(message)["verify"])
        page.get_by_role("button", name="Yes, confirm it").click()
        page.get_by_role("heading", name="your address is confirmed").wait_for()
    assert is_email_verified(user)
    assert is_email_verified(other)
