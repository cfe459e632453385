"""What `manage.py check` says about the verification, with a repair for each."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.checks import run_checks

from django_mailplus.verification import unverify_email_address, verify_email_address
from django_mailplus.verification.checks import check_verification

NO_PAGES = "django.contrib.auth.urls"


class NoAddress(PasswordResetTokenGenerator):
    """As in many tutorials."""

    def _make_hash_value(self, user, timestamp):
        return f"{user.is_active}{timestamp}"


class Tutorial(PasswordResetTokenGenerator):
    def _make_hash_value(self, user, timestamp):
        return f"{user.pk}{timestamp}{user.is_active}"


class Refetching(PasswordResetTokenGenerator):
    def _make_hash_value(self, user, timestamp):
        user = get_user_model().objects.get(pk=user.pk)
        return super()._make_hash_value(user, timestamp)


class Salted(PasswordResetTokenGenerator):
    key_salt = "of the shop"


class Forgetful:
    def make_token(self, user):
        return "x"

    def check_token(self, user, token):
        return False


class Raising(Salted):
    def check_token(self, user, token):
        if not super().check_token(user, token):
            raise ValueError("bad token")
        return True


class Helpless(Salted):
    def make_token(self, user):
        raise ValueError("no secret")


class Credulous(Forgetful):
    def check_token(self, user, token):
        return True


@pytest.fixture
def generator(monkeypatch, request):
    """The dotted path of a generator of this module."""
    monkeypatch.syspath_prepend(str(request.path.parent))
    return lambda name: f"test_checks.{name}"


@pytest.fixture
def findings(settings):
    def findings(**values):
        settings.MAILPLUS = values
        return [(f.id, f"{f.msg} {f.hint}") for f in check_verification()]

    return findings


def only(findings, id_, *words):
    [(found, text)] = findings
    assert found == f"mailplus.{id_}"
    for word in words:
        assert re.search(word, text), text


def test_a_sound_configuration_has_no_findings(findings):
    assert findings() == []
    assert findings(BASE_URL="https://shop.example.com") == []


@pytest.mark.parametrize("base", ["shop.example.com", "//shop", "ftp://x", "https://"])
def test_e030_base_url(findings, base):
    only(findings(BASE_URL=base), "E030", re.escape(repr(base)), "https://shop.example")


def test_w030_every_host(findings, settings):
    settings.ALLOWED_HOSTS = ["*"]
    only(findings(), "W030", "every host", "BASE_URL")
    assert findings(BASE_URL="https://shop.example.com") == []


def test_w030_is_silent_without_the_pages(findings, settings):
    settings.ALLOWED_HOSTS = ["*"]
    settings.ROOT_URLCONF = NO_PAGES
    assert findings() == []


def test_e031_no_address_field(findings, monkeypatch):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "mailbox", raising=False)
    [(id_, text), *_] = findings()
    assert id_ == "mailplus.E031"
    assert "'mailbox'" in text
    assert "EMAIL_FIELD" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Missing", "cannot import"),
        ("Refetching", "does not accept its own token.*BIND_TOKENS"),
        ("Forgetful", "does not accept its own token"),
        ("Helpless", "ValueError: no secret"),
        ("NO_PAGES", "no attribute 'make_token'"),
    ],
)
def test_e032_a_generator_that_does_not_work(findings, generator, name, words):
    only(findings(VERIFICATION_TOKEN_GENERATOR=generator(name)), "E032", words)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("Credulous", "the password and the address and the purpose and the nonce"),
        ("NoAddress", "the password and the address and the purpose and the nonce"),
        ("Tutorial", "the password and the address"),
    ],
)
def test_w031_what_a_generator_does_not_bind(findings, generator, name, missing):
    found = findings(VERIFICATION_TOKEN_GENERATOR=generator(name))
    only(found, "W031", f"after a change of {missing}\\.")


def test_a_generator_with_a_salt_of_its_own_is_fine(findings, generator):
    for name in ("Salted", "Raising"):
        assert findings(VERIFICATION_TOKEN_GENERATOR=generator(name)) == []


def test_w032_tokens_that_reset_the_password(findings, generator):
    only(findings(VERIFICATION_BIND_TOKENS=False), "W032", "resets the password")
    salted = generator("Salted")
    assert (
        findings(VERIFICATION_BIND_TOKENS=False, VERIFICATION_TOKEN_GENERATOR=salted)
        == []
    )


def test_w033_a_login_that_the_cookie_prevents(findings, settings):
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    assert findings() == []
    only(findings(VERIFICATION_LOGIN_ON_VERIFY=True), "W033", "Lax")


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("tabel", "not a store"),
        ("field:", "no such field"),
        ("field:verified", "'verified', which is no such field"),
        ("field:email", "a EmailField"),
    ],
)
def test_e033_store(findings, store, words):
    only(findings(VERIFICATION_STORE=store), "E033", words, "'is_active'")


def test_stores_that_are_there(findings):
    for store in ("table", "is_active", "field:is_staff", "field:last_login"):
        assert findings(VERIFICATION_STORE=store) == []


def test_e034_names(findings):
    only(findings(VERIFICATION_MAILER="news"), "E034", "'news'", "'console'")
    only(findings(VERIFICATION_CLIENT_IP="no.such.function"), "E034", "cannot import")


def test_a_broken_urlconf_is_left_to_django(findings, settings):
    settings.ROOT_URLCONF = "no.such.module"
    assert findings() == []


# --- Every finding says how to repair it


@pytest.mark.parametrize(
    ("id_", "values"),
    [
        ("E030", {"BASE_URL": "shop"}),
        ("E032", {"VERIFICATION_TOKEN_GENERATOR": "test_checks.Forgetful"}),
        ("E033", {"VERIFICATION_STORE": "field:x"}),
        ("E034", {"VERIFICATION_MAILER": "news"}),
        ("E034", {"VERIFICATION_CLIENT_IP": "no.such"}),
        ("W031", {"VERIFICATION_TOKEN_GENERATOR": "test_checks.Tutorial"}),
        ("W032", {"VERIFICATION_BIND_TOKENS": False}),
        ("E032", {"VERIFICATION_TOKEN_GENERATOR": "no.such.generator"}),
    ],
)
def test_a_hint(settings, generator, id_, values):
    settings.MAILPLUS = values
    [finding] = check_verification()
    assert finding.id == f"mailplus.{id_}"
    assert finding.hint


# --- Near misses


def test_a_generator_that_looks_up_the_user_and_tokens_that_are_not_bound(
    findings, generator
):
    found = findings(
        VERIFICATION_TOKEN_GENERATOR=generator("Refetching"),
        VERIFICATION_BIND_TOKENS=False,
    )
    assert "mailplus.E032" not in [id_ for id_, _ in found]


@pytest.mark.parametrize(
    "base",
    [
        "https://[",
        "https://:80",
        "https://shop.example.com:port",
        "https://shop.example.com:99999",
        "https://user@shop.example.com",
        "https://shop.example.com\\",
        "https://shop.example.com\n",  # as read from a file
        " https://shop.example.com",
        "https://shop example.com",
        "https://shop.example.com/?a=1",  # which swallows the path
        "https://shop.example.com/#top",
    ],
)
def test_e030_what_breaks_every_link(findings, base):
    only(findings(BASE_URL=base), "E030")


@pytest.mark.parametrize(
    "base",
    ["HTTPS://shop.example.com", "http://127.0.0.1:8000", "https://x.example/a/"],
)
def test_e030_is_silent_about_good_ones(findings, base):
    assert findings(BASE_URL=base) == []


def test_w033_in_small_letters(findings, settings):
    settings.SESSION_COOKIE_SAMESITE = "strict"
    only(findings(VERIFICATION_LOGIN_ON_VERIFY=True), "W033", "Lax")


def test_e033_a_date_that_cannot_be_taken_back(findings, user):
    found = findings(VERIFICATION_STORE="field:date_joined")
    if not found:
        verify_email_address(user)
        unverify_email_address(user)
    only(found, "E033", "null")


def test_a_generator_may_be_an_object(findings):
    path = "django.contrib.auth.tokens.default_token_generator"
    assert findings(VERIFICATION_TOKEN_GENERATOR=path) == []


def test_the_checks_are_registered(settings):
    settings.MAILPLUS = {"BASE_URL": "shop"}
    assert "mailplus.E030" in [f.id for f in run_checks(tags=["mailplus", "mail"])]
    settings.MAILPLUS = {"BASE_URL": 5}  # said once, by the check of the types
    assert [f.id for f in run_checks(tags=["mailplus", "mail"])] == ["mailplus.E007"]
