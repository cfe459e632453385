"""The SMTP backend logs in with tokens."""

from __future__ import annotations

import base64
import smtplib

import pytest
from backends.stage import letters

from django_mailplus.delivery import classify

pytestmark = pytest.mark.usefixtures("forget_connections")


def provider():
    asked.append(1)
    return f"token-{len(asked)}"


asked = []


def test_a_token_logs_in_once_for_each_connection(mailer, peer):
    asked.clear()
    peer.replies["ehlo"] = "250-test\n250 AUTH XOAUTH2 PLAIN"
    backend = mailer(username="ann@example.com", token=provider)
    for message in letters(2):
        backend().send_messages([message])
    logins = [c.split() for c in peer.commands if c.lower().startswith("auth")]
    assert [words[1] for words in logins] == ["XOAUTH2"]
    said = base64.b64decode(logins[0][2]).decode()
    assert said == "user=ann@example.com\x01auth=Bearer token-1\x01\x01"
    assert len(asked) == 1


def test_a_token_by_its_dotted_path(mailer, peer):
    peer.replies["ehlo"] = "250-test\n250 AUTH XOAUTH2"
    backend = mailer(username="ann@example.com", token="getpass.getuser")
    assert backend().send_messages(letters(1)) == 1
    assert any(c.lower().startswith("auth xoauth2") for c in peer.commands)


def test_a_token_that_is_refused_is_asked_for_once_more_and_never_shown(
    mailer, peer, caplog
):
    asked.clear()
    peer.replies |= {
        "ehlo": "250-test\n250 AUTH XOAUTH2",
        "auth": "535 5.7.3 token-1 token-2 refused",
    }
    (message,) = letters(1)
    backend = mailer(username="ann@example.com", token=provider)
    with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
        backend().send_messages([message])
    assert len(asked) == 2
    assert classify(raised.value) == "mailer"
    assert "token-" not in f"{raised.value}{caplog.text}{message.delivery_result}"
