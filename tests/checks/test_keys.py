"""What the system checks say of the keys of MAILPLUS."""

from __future__ import annotations

import pytest
from checks_stage import only

CONSOLE = {"BACKEND": "django.core.mail.backends.console.EmailBackend"}


def test_e006_unknown_key_of_mailplus(findings):
    id_, told = only(findings({"default": CONSOLE}, MAILPLUS={"MAIL_SERVR": "x"}))
    assert id_ == "mailplus.E006"
    assert "Did you mean 'MAIL_SERVER'?" in told


@pytest.mark.parametrize("value", [{"MAIL_SERVER": 8025}, {"MAIL_SERVER": None}, "x"])
def test_e007_type_of_a_key(findings, value):
    id_, told = only(findings({"default": CONSOLE}, MAILPLUS=value))
    assert id_ == "mailplus.E007"
    assert "MAIL_SERVER" in told


def test_e007_a_time_to_keep_mails(findings):
    key = "OUTBOX_KEEP_SENT_DAYS"
    assert findings({"default": CONSOLE}, MAILPLUS={key: None}) == []
    id_, told = only(findings({"default": CONSOLE}, MAILPLUS={key: "never"}))
    assert id_ == "mailplus.E007"
    assert "it takes the type int or None" in told
