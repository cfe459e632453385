"""Mistakes in the options of SMTP, in MAILERS and as EMAIL_ settings."""

from __future__ import annotations

import re

import pytest
from checks_stage import SMTP_PATH, only, our_findings, smtp


@pytest.mark.parametrize(
    ("options", "id_", "text"),
    [
        ({"use_tls": "False"}, "E010", r"\['use_tls'\] is the text 'False'"),
        ({"use_ssl": "0"}, "E010", "env.bool"),
        ({"use_tls": True, "use_ssl": True}, "E011", "exclude each other"),
        ({"host": "smtp://smtp.example.com"}, "E012", "bare name"),
        ({"host": "smtp.example.com:587"}, "E012", "bare name"),
        ({"host": "you@gmail.com"}, "E012", "bare name"),
        ({"host": " smtp.example.com"}, "E012", "white space"),
        ({"host": "smtp .example.com"}, "E012", "white space"),
        ({"host": "smtp.example.com\0"}, "E012", "bare name"),
        ({"host": ""}, "W016", "is empty.*environment"),
        ({"host": 5}, "E012", "takes the name of a server"),
        ({"host": "smtp.google.com"}, "W012", "smtp.gmail.com"),
        ({"port": "587"}, "E013", "whole number"),
        ({"port": 70000}, "E013", "whole number"),
        ({"timeout": "10"}, "E015", "seconds, a number above 0"),
        ({"timeout": 0}, "E015", "seconds, a number above 0"),
        ({"timeout": float("nan")}, "E015", "seconds, a number above 0"),
        ({"timeout": float("inf")}, "E015", "seconds, a number above 0"),
        ({"port": [25]}, "E013", "whole number"),
        (
            {"username": "u", "password": b"secret", "use_tls": True},
            "E016",
            r"\['password'\] is a bytes; it takes text",
        ),
        (
            {"username": "u", "password": "secret\xfc", "use_tls": True},
            "E016",
            "outside ASCII",
        ),
        (
            {"username": "u\xa0", "password": "p", "use_tls": True},
            "E016",
            r"\['username'\].*outside ASCII",
        ),
        ({"pool_size": -1}, "E017", "number of connections, 0 for no pool"),
        ({"pool_size": "3"}, "E017", "number of connections"),
        ({"pool_idle": "60"}, "E017", "seconds, a number, or None"),
        ({"pool_timeout": float("nan")}, "E017", "seconds, a number, or None"),
        ({"pool_messages": 0}, "E017", "number of messages"),
        ({"concurrency": True}, "E017", "1 or more"),
        ({"concurrency": 0}, "E017", "1 or more"),
        ({"token": "no.such", "username": "u"}, "E018", "cannot be imported"),
        ({"token": "secret", "username": "u"}, "E018", r"imported \(ValueError\)"),
        ({"token": "smtplib.CRLF", "username": "u"}, "E018", "cannot be called"),
        ({"token": 5, "username": "u"}, "E018", "is a int"),
        ({"token": print}, "E018", r"needs .*\['username'\]"),
        ({"port": 465}, "W010", "use_ssl.* = True"),
        ({"port": 465, "use_tls": True}, "W010", "remove.*use_tls"),
        ({"port": 587, "use_ssl": True}, "W010", "use_tls.* = True instead"),
        ({"username": "u", "use_tls": True}, "W011", "not log in at all"),
        ({"password": "p", "use_tls": True}, "W011", r"\['username'\]"),
        ({"username": "u", "password": "p"}, "W013", "unencrypted"),
        (
            {"username": "u", "password": "a\xa0b", "use_tls": True},
            "E014",
            "no-break space",
        ),
        (
            {"username": "u", "password": "secret\n", "use_tls": True},
            "W014",
            "white space",
        ),
        (
            {
                "host": "smtp.gmail.com",
                "username": "u",
                "password": "abcd efgh ijkl mnop",
                "use_tls": True,
            },
            "W014",
            "16 letters without spaces",
        ),
    ],
)
@pytest.mark.parametrize(
    "path", [SMTP_PATH, "django.core.mail.backends.smtp.EmailBackend"]
)
def test_mistakes_in_the_options_of_smtp(findings, path, options, id_, text):
    found, told = only(findings({"default": smtp(path, **options)}))
    assert found == f"mailplus.{id_}"
    assert re.search(text, told)
    assert "secret" not in told
    assert "abcd" not in told


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_plain_log_in_to_this_machine_is_fine(findings, host):
    assert findings({"default": smtp(host=host, username="u", password="p")}) == []


@pytest.mark.parametrize("host", ["2001:db8::1", "[2001:db8::1]", "müller.example"])
def test_addresses_and_international_names_are_hosts(findings, host):
    assert findings({"default": smtp(host=host, use_tls=True)}) == []


def test_email_settings_are_checked_and_named_as_such(with_email_settings):
    with_email_settings(
        EMAIL_BACKEND=SMTP_PATH, EMAIL_HOST="smtp.google.com", EMAIL_USE_TLS="False"
    )
    found = {id_: text for id_, text, _ in our_findings()}
    assert set(found) == {"mailplus.E010", "mailplus.W012"}
    assert "EMAIL_USE_TLS is the text 'False'" in found["mailplus.E010"]


def test_e012_shows_no_password(findings):
    host = "smtp://user:s3cret@smtp.example.com"
    _, told = only(findings({"default": smtp(host=host, use_tls=True)}))
    assert "smtp://****@smtp.example.com" in told
    assert "s3cret" not in told
