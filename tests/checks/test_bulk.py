"""Streams that people may leave are such that they can."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

from django_mailplus.checks.anymail import check_anymail
from django_mailplus.dkim.keys import new_key

SUPPRESSION = "django_mailplus.backends.suppression.EmailBackend"
FAILOVER = "django_mailplus.backends.failover.EmailBackend"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
OUTBOX = "django_mailplus.backends.outbox.EmailBackend"
SMTP = {
    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
    "OPTIONS": {"host": "127.0.0.1"},
}
GOOD = {"BULK_STREAMS": {"news": "News"}, "BASE_URL": "https://shop.example.com"}


def named(path, using, **options):
    return {"BACKEND": path, "OPTIONS": {"using": using, **options}}


def outbox(using):
    return named(OUTBOX, using, dispatch="worker")


BEFORE_SMTP = {"default": named(SUPPRESSION, "smtp"), "smtp": SMTP}
BEHIND = {"default": outbox("list"), "list": named(SUPPRESSION, "smtp"), "smtp": SMTP}
EARLY = {"default": named(SUPPRESSION, "box"), "box": outbox("smtp"), "smtp": SMTP}
ONE_WAY = {
    "default": named(SUPPRESSION, "box"),
    "box": outbox("either"),
    "either": named(FAILOVER, ["list", "smtp"]),
    "list": named(SUPPRESSION, "second"),
    "second": SMTP,
    "smtp": SMTP,
}
ROUTE = "django_mailplus.backends.route.EmailBackend"
DKIM = "django_mailplus.backends.dkim.EmailBackend"


def by_stream(routes, **mailers):
    using = ["list", "smtp"]
    return {
        "default": named(ROUTE, using, by="stream", routes=routes),
        "list": named(SUPPRESSION, "smtp"),
        "smtp": SMTP,
    } | mailers


LISTED = by_stream({"news": "list", "receipts": "smtp"})
UNLISTED = by_stream({"news": "smtp", "receipts": "list"})
STANDS_IN = by_stream({"news": ["list", "smtp"]})
USUAL = by_stream({"receipts": "smtp"})
USUAL_PAST = by_stream({"receipts": "list"})
USUAL_PAST["default"]["OPTIONS"]["otherwise"] = "smtp"
LISTED_BEFORE = {**UNLISTED, "before": named(SUPPRESSION, "default")}
TWICE = {"first": named(SUPPRESSION, "default"), **BEHIND}


@pytest.fixture
def ids(with_mailers):
    def ids(mailers, mailplus, *, deploy=False, **values):
        with_mailers(mailers, MAILPLUS=mailplus, **values)
        told = run_checks(tags=["mail"], include_deployment_checks=deploy)
        assert all(finding.hint for finding in told if finding.id[:5] == "mailp")
        found = [finding.id.partition(".")[2] for finding in told]
        return [number for number in found if number[1:3] in ("00", "06")]

    return ids


@pytest.mark.parametrize(
    ("mailers", "mailplus", "found"),
    [
        (BEFORE_SMTP, GOOD, []),
        (BEHIND, GOOD, []),
        (TWICE, GOOD, []),
        (BEFORE_SMTP, {}, []),
        ({"default": SMTP}, {}, []),
        ({"default": {"BACKEND": LOCMEM}}, GOOD, []),
        ({"default": SMTP}, GOOD, ["W060"]),
        (EARLY, {}, ["W061"]),
        (EARLY, GOOD, ["W061"]),
        (ONE_WAY, GOOD, ["W061"]),
        (LISTED, GOOD, []),
        (LISTED, {}, []),
        (UNLISTED, GOOD, ["W060"]),
        (UNLISTED, {}, []),
        (STANDS_IN, GOOD, ["W060"]),
        (USUAL, GOOD, []),
        (USUAL_PAST, GOOD, ["W060"]),
        (LISTED_BEFORE, GOOD, []),
        (BEHIND, GOOD | {"BASE_URL": "http://shop.example.com"}, ["W062"]),
        (BEHIND, GOOD | {"BASE_URL": "http://127.0.0.1:8000"}, []),
        (BEHIND, GOOD | {"BASE_URL": "https://other.example.com"}, ["W063"]),
        (BEHIND, GOOD | {"BASE_URL": ""}, ["E061"]),
    ],
)
def test_findings(ids, mailers, mailplus, found):
    assert ids(mailers, mailplus) == found


def test_django_anymail_that_is_no_app(ids, settings):
    postmark = {"default": {"BACKEND": "anymail.backends.postmark.EmailBackend"}}
    apps = [app for app in settings.INSTALLED_APPS if app != "anymail"]
    assert ids(postmark, {}, INSTALLED_APPS=apps) == ["W064"]
    assert ids(postmark, {}, INSTALLED_APPS=[*apps, "anymail"]) == []


@pytest.mark.parametrize(
    ("path", "options", "anymail", "found"),
    [
        ("amazon_ses", {}, {}, []),
        ("amazon_ses", {}, {"SEND_DEFAULTS": {"tags": ["shop"]}}, []),
        ("amazon_ses", {}, {"SEND_DEFAULTS": {"from_email": "a@b.org"}}, ["W066"]),
        ("amazon_ses", {}, {"AMAZON_SES_SEND_DEFAULTS": {"subject": "x"}}, ["W066"]),
        ("amazon_ses", {"send_defaults": {"bcc": ["a@b.org"]}}, {}, ["W066"]),
        ("postmark", {}, {"SEND_DEFAULTS": {"from_email": "a@b.org"}}, []),
    ],
)
def test_defaults_that_amazon_refuses(
    with_mailers, settings, path, options, anymail, found
):
    """Asked by itself: without boto3 that backend cannot be imported."""
    backend = f"anymail.backends.{path}.EmailBackend"
    apps = {*settings.INSTALLED_APPS, "anymail"}
    with_mailers(
        {"default": {"BACKEND": backend, "OPTIONS": options}},
        ANYMAIL=anymail,
        INSTALLED_APPS=sorted(apps),
    )
    told = list(check_anymail(["default"]))
    assert [finding.id.partition(".")[2] for finding in told] == found


def signed(using):
    return named(DKIM, using, keys=[KEY])


_, _PEM = new_key(domain="example.com", selector="m", algorithm="ed25519-sha256")
KEY = {"domain": "example.com", "selector": "m", "key": _PEM(None).decode()}
PROVIDER = {
    "BACKEND": SMTP["BACKEND"],
    "OPTIONS": {"host": "127.0.0.1", "username": "ann", "password": "x"},
}
LIST = {"default": named(SUPPRESSION, "signed")}


@pytest.mark.parametrize(
    ("mailers", "mailplus", "found"),
    [
        (BEFORE_SMTP, GOOD, ["W065"]),
        (BEFORE_SMTP, {}, []),
        (BEHIND, GOOD, ["W065"]),
        ({**BEFORE_SMTP, "smtp": PROVIDER}, GOOD, []),
        ({**LIST, "signed": signed("smtp"), "smtp": SMTP}, GOOD, []),
    ],
)
def test_headers_that_nobody_signs(ids, mailers, mailplus, found):
    assert ids(mailers, mailplus, deploy=True) == found
    assert ids(mailers, mailplus) == []


def test_without_the_pages(ids):
    elsewhere = "django_mailplus.outbox.urls"
    assert ids(BEHIND, GOOD, ROOT_URLCONF=elsewhere) == ["E061"]


@pytest.mark.parametrize(
    "streams", [{"": "News"}, {"x" * 101: "News"}, {1: "News"}, {"news": ""}]
)
def test_streams_that_are_none(ids, streams):
    assert ids({"default": SMTP}, {"BULK_STREAMS": streams}) == ["E060"]


@pytest.mark.parametrize("other", ["News", "news ", "néws"])
def test_streams_that_some_databases_take_for_one(ids, other):
    streams = {"news": "News", other: "Others", "newsletter": "Letter"}
    assert ids({"default": SMTP}, {"BULK_STREAMS": streams}) == ["E060"]


def test_another_type(ids):
    assert ids({"default": SMTP}, {"BULK_STREAMS": ["news"]}) == ["E007"]
