"""What is wrong with an outbox is said before the first mail."""

from __future__ import annotations

import pytest
from django.db import connections

from django_mailplus.backends.outbox import EmailBackend
from django_mailplus.outbox.checks import check_database, check_options

SMTP = {
    "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
    "OPTIONS": {"host": "smtp.example.com", "use_tls": True},
}


@pytest.fixture
def found(with_mailers):
    """The ids and texts of the findings about an outbox with such options."""

    def found(smtp=SMTP, **options):
        path = "django_mailplus.backends.outbox.EmailBackend"
        options = {"using": "smtp", **options}
        with_mailers({"default": {"BACKEND": path, "OPTIONS": options}, "smtp": smtp})
        findings = EmailBackend.check("default", options)
        assert all(finding.hint for finding in findings)
        return [(finding.id, finding.msg) for finding in findings]

    return found


def test_a_sound_outbox_has_no_findings(found):
    assert found() == []
    assert (
        found(
            dispatch="worker",
            concurrency=8,
            lease=180,
            rate="14/s",
            priority="low",
            on_unknown="hold",
            max_age=3600,
            stream="news",
            sensitive=True,
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", "4"),
        ("concurrency", True),
        ("lease", -1),
        ("lease", "60"),
        ("lease", float("inf")),
        ("rate", "fast"),
        ("rate", "0/s"),
        ("rate", 14),
        ("priority", "soon"),
        ("on_unknown", "drop"),
        ("max_age", -1),
        ("max_age", "1 day"),
        ("max_age", True),
        ("max_age", float("nan")),
        ("priority", 2),
        ("stream", ""),
        ("stream", b"news"),
        ("stream", "x" * 101),
        ("sensitive", "yes"),
    ],
)
def test_values_that_make_no_sense(found, name, value):
    [(id_, text)] = found(**{name: value})
    assert id_ == "mailplus.E045"
    assert f"{name!r} is {value!r}; it takes " in text


def test_options_of_single_mails(found):
    ids = {id_ for id_, _ in found(idempotency_key="a")}
    assert "mailplus.E046" in ids


def test_a_lease_shorter_than_the_patience_of_the_mailer(found):
    [(id_, text)] = found(lease=30)
    assert id_ == "mailplus.W047"
    assert "'smtp'" in text
    patient = {**SMTP, "OPTIONS": {**SMTP["OPTIONS"], "timeout": 60}}
    assert [id_ for id_, _ in found(smtp=patient, lease=300)] == ["mailplus.W047"]
    assert found(smtp=patient, lease=480) == []


def test_without_mailers_the_place_is_named():
    [finding] = check_options(None, {"rate": "x"})
    assert finding.msg.startswith("EMAIL_BACKEND: 'rate' is 'x'")


@pytest.mark.parametrize(
    ("mode", "ids"),
    [("IMMEDIATE", []), (None, ["mailplus.W045"]), ("DEFERRED", ["mailplus.W045"])],
)
def test_sqlite_and_two_writers(monkeypatch, mode, ids):
    connection = connections["default"]
    if connection.vendor != "sqlite":
        assert list(check_database()) == []
        return
    settings = {**connection.settings_dict, "OPTIONS": {"transaction_mode": mode}}
    monkeypatch.setattr(connection, "settings_dict", settings)
    assert [finding.id for finding in check_database()] == ids


def test_another_database(settings, monkeypatch):
    class Router:
        def db_for_write(self, model, **hints):
            return "mails"

    settings.DATABASE_ROUTERS = [Router()]
    monkeypatch.setitem(connections.settings, "mails", connections.settings["default"])
    assert "mailplus.W046" in [finding.id for finding in check_database()]
    del connections["mails"]
