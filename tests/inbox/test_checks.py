"""What the system checks say of the inbox."""

from __future__ import annotations

import pytest
from inbox_stage import INBOX

from django_mailplus.checks import (
    check_environment,
    check_inbox_settings,
    check_mailers,
)

SMTP = {
    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
    "OPTIONS": {"host": "smtp.example.com"},
}


def ids(findings):
    return [finding.id.removeprefix("mailplus.") for finding in findings]


def test_nothing_is_wrong(settings):
    settings.MAILPLUS = {
        "INBOX_FOR_STAFF": True,
        "INBOX_TOKEN": "a-token-of-thirty-characters-or-so",
        "INBOX_RELEASE_TO": ["example.com", "*.example.org", "me@example.net"],
        "INBOX_RELEASE_MAILER": "default",
        "ENVIRONMENT": "staging",
    }
    for check in (check_inbox_settings, check_mailers, check_environment):
        assert check(None) == []


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"INBOX_TOKEN": "short"}, ["E071"]),
        ({"INBOX_TOKEN": "long enough but with spaces in it"}, ["E071"]),
        ({"INBOX_TOKEN": "ü" * 30}, ["E071"]),
        ({"INBOX_RELEASE_TO": ["example.com"]}, ["E072"]),
        ({"INBOX_RELEASE_MAILER": "default"}, ["E072"]),
        (
            {"INBOX_RELEASE_TO": ["a.org"], "INBOX_RELEASE_MAILER": "nowhere"},
            ["E072"],
        ),
        (
            {"INBOX_RELEASE_TO": ["*", 3, ""], "INBOX_RELEASE_MAILER": "default"},
            ["E072"] * 3,
        ),
    ],
)
def test_mistakes_in_the_settings(settings, keys, found):
    settings.MAILPLUS = keys
    assert ids(check_inbox_settings(None)) == found


def test_staff_that_nobody_logs_in(settings):
    settings.MAILPLUS = {"INBOX_FOR_STAFF": True}
    settings.MIDDLEWARE = ["nowhere.at.all"]
    assert ids(check_inbox_settings(None)) == ["E070"]
    settings.MIDDLEWARE = ["django.contrib.auth.middleware.AuthenticationMiddleware"]
    assert check_inbox_settings(None) == []


def test_no_pages(settings):
    settings.ROOT_URLCONF = "django_mailplus.suppression.urls"
    assert ids(check_mailers(None)) == ["W072"]


def test_a_project_that_has_no_addresses_at_all(settings):
    del settings.ROOT_URLCONF
    assert check_mailers(None) == []


def test_a_site_where_nobody_may_look(settings):
    assert ids(check_environment(None)) == ["W071"]
    settings.DEBUG = True
    assert check_environment(None) == []
    settings.DEBUG = False
    settings.MAILPLUS = {"INBOX_FOR_STAFF": True}
    assert check_environment(None) == []


@pytest.mark.parametrize("options", [{}, {"using": "smtp"}])
def test_in_production(settings, with_mailers, options):
    settings.MAILPLUS = {"ENVIRONMENT": "production", "INBOX_FOR_STAFF": True}
    with_mailers({"default": {"BACKEND": INBOX, "OPTIONS": options}, "smtp": SMTP})
    assert ids(check_environment(None)) == ["W073", "W074"]


def test_mail_that_is_caught_reaches_nobody_real(settings, with_mailers):
    settings.MAILPLUS = {"ENVIRONMENT": "staging", "INBOX_FOR_STAFF": True}
    assert check_environment(None) == []
    inbox = {"BACKEND": INBOX, "OPTIONS": {"using": "smtp"}}
    with_mailers({"default": inbox, "smtp": SMTP})
    assert ids(check_environment(None)) == ["W055"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"keep": 3}, "E005"),
        ({"using": "nowhere"}, "E002"),
        ({"using": ["smtp", "other"]}, "E005"),
        ({"using": ""}, "E002"),
        ({"using": []}, "E005"),
    ],
)
def test_mistakes_in_the_options(with_mailers, options, found):
    inbox = {"BACKEND": INBOX, "OPTIONS": options}
    with_mailers({"default": inbox, "smtp": SMTP, "other": SMTP})
    assert found in ids(check_mailers(None))


@pytest.mark.parametrize(
    ("environment", "found"),
    [("production", ["W074"]), ("Production", ["W074"]), ("staging", []), ("", [])],
)
def test_previews_that_all_staff_may_open(settings, with_mailers, environment, found):
    settings.MAILPLUS = {"INBOX_FOR_STAFF": True, "ENVIRONMENT": environment}
    inbox = {"BACKEND": INBOX, "OPTIONS": {}}
    with_mailers({"default": SMTP} if found else {"default": inbox})
    assert ids(check_environment(None)) == found
    settings.ROOT_URLCONF = ()
    assert ids(check_environment(None)) == []


def test_previews_that_nobody_may_open(settings, with_mailers):
    settings.MAILPLUS = {"ENVIRONMENT": "production"}
    with_mailers({"default": SMTP})
    assert check_environment(None) == []
