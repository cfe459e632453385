"""Streams that people may leave are such that they can."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

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
TWICE = {"first": named(SUPPRESSION, "default"), **BEHIND}


@pytest.fixture
def ids(with_mailers):
    def ids(mailers, mailplus, **values):
        with_mailers(mailers, MAILPLUS=mailplus, **values)
        found = [f.id.partition(".")[2] for f in run_checks(tags=["mail"])]
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
