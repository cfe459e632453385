"""Where links lead, and where they never do."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.urls import set_script_prefix
from django.utils import translation
from django.utils.http import urlsafe_base64_encode
from verification_stage import newest_link, queries

from django_mailplus.pages.links import base_url
from django_mailplus.verification import (
    is_email_verified,
    make_verification_url,
    send_verification_email,
)
from django_mailplus.verification.links import find_user, is_safe_next


def test_first_what_the_call_says_then_the_settings_then_the_request(rf, settings):
    request = rf.get("/", headers={"host": "shop.example.com"})
    assert base_url(request) == "http://shop.example.com"
    assert base_url(rf.get("/", secure=True)) == "https://testserver"
    settings.MAILPLUS = {"BASE_URL": "https://set.example.com/"}
    assert base_url(request) == "https://set.example.com"
    assert base_url(request, "https://given.example.com") == "https://given.example.com"


def test_a_host_that_is_not_ours_makes_no_link(rf, user):
    request = rf.get("/", headers={"host": "evil.example"})
    with pytest.raises(Exception, match="Invalid HTTP_HOST"):
        send_verification_email(user, request=request)
    assert mail.outbox == []


def test_without_anything_the_repair_is_named(user):
    with pytest.raises(ImproperlyConfigured, match=r"MAILPLUS\['BASE_URL'\]"):
        send_verification_email(user)


def test_without_the_pages_the_repair_is_named(user, settings):
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    with pytest.raises(ImproperlyConfigured, match=r'include\("django_mailplus'):
        make_verification_url(user, base_url="https://shop.example.com")


def test_below_a_prefix(user):
    set_script_prefix("/shop/")
    try:
        url = make_verification_url(user, base_url="https://example.com")
    finally:
        set_script_prefix("/")
    assert url.startswith("https://example.com/shop/verify/")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("/account/", True),
        ("http://testserver/account/", True),
        ("https://shop.example.com/", True),
        ("https://partner.example/x", True),
        ("", False),
        ("account", False),
        ("//evil.example/", False),
        ("///evil.example/", False),
        ("/\\evil.example/", False),
        ("https://evil.example/", False),
        ("https://testserver@evil.example/", False),
        ("https://testserver.evil.example/", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("http:evil.example", False),
        ("https:///evil.example", False),
        ("/\t/evil.example/", False),
        ("/\n/evil.example/", False),
        (" //evil.example/", False),
        ("\x00//evil.example/", False),
        ("http://[", False),
        ("httpx://evil.example/", False),
        ("HTTPS://evil.example/", False),
        ("https://shop.example.com:8443/", False),
        ("https://partner.example.evil.example/", False),
        ("https://evil.example\\@partner.example/", False),
    ],
)
def test_next(rf, settings, url, safe):
    settings.ALLOWED_HOSTS = ["*"]
    settings.MAILPLUS = {
        "BASE_URL": "https://shop.example.com",
        "VERIFICATION_REDIRECT_HOSTS": ["partner.example"],
    }
    assert is_safe_next(url, rf.get("/")) is safe


def test_a_secure_page_leads_to_no_insecure_one(rf):
    assert not is_safe_next("http://testserver/", rf.get("/", secure=True))


def test_next_goes_with_the_link(user, visitor):
    send_verification_email(
        user, base_url="https://shop.example.com", next_url="/basket/?a=1&b=2"
    )
    page = visitor.open(newest_link())
    response = visitor.client.post(
        page.request["PATH_INFO"] + "?" + page.request["QUERY_STRING"],
        {"form_token": page.context["form_token"]},
    )
    assert response.headers["Location"] == "/basket/?a=1&b=2"
    assert is_email_verified(user)


def test_links_are_in_the_readers_language(user, settings):
    from django.conf.urls.i18n import i18n_patterns
    from site_urls import urlpatterns

    class Urls:
        pass

    Urls.urlpatterns = i18n_patterns(*urlpatterns)
    settings.ROOT_URLCONF = Urls
    with translation.override("fr"):
        send_verification_email(
            user, base_url="https://shop.example.com", language="de"
        )
    assert "https://shop.example.com/de/verify/" in mail.outbox[0].body
    assert "/fr/" not in mail.outbox[0].body


@pytest.mark.parametrize(
    "url",
    ["//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil"],
)
@pytest.mark.parametrize("hosts", [["testserver"], ["*"]])
def test_a_next_that_leads_astray_is_ignored(user, visitor, settings, url, hosts):
    settings.ALLOWED_HOSTS = hosts
    send_verification_email(user, base_url="https://shop.example.com", next_url=url)
    page = visitor.press(newest_link())
    assert page.redirect_chain == [("/verify/done/", 302)]
    assert is_email_verified(user)


@pytest.mark.parametrize(
    "base", ["shop.example.com", "https://[", "https://x.example/?a"]
)
def test_what_the_call_says_must_begin_a_link(user, base):
    with pytest.raises(ValueError, match=r"base_url=.*Write scheme and host"):
        send_verification_email(user, base_url=base)
    assert mail.outbox == []


def test_a_key_that_no_database_holds_is_not_looked_up():
    with queries() as captured:
        assert find_user(urlsafe_base64_encode(b"1\0")) is None
    assert captured() == []
