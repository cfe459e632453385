"""AUTH: who may send, and that no password shows."""

from __future__ import annotations

import logging
import smtplib

import pytest

from django_mailplus.mailserver.server import MailServer

MAIL = b"Subject: Hello\r\n\r\nThe body.\r\n"


@pytest.fixture
def run(run_server):
    return run_server(username="ann", password="s3cret")


@pytest.fixture
def smtp(run):
    with smtplib.SMTP(run.server.host, run.server.port, timeout=10) as client:
        client.ehlo()
        client.user, client.password = "ann", "s3cret"
        yield client


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_right_name_and_password_may_send(run, smtp, mechanism):
    assert mechanism in smtp.esmtp_features["auth"]
    authenticate = getattr(smtp, f"auth_{mechanism.lower()}")

    assert smtp.auth(mechanism, authenticate)[0] == 235

    smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert run.mails[0].username == "ann"


@pytest.mark.parametrize(
    ("user", "password"),
    [("ann", "wrong"), ("bob", "s3cret"), ("ann", ""), ("", "s3cret")],
)
def test_another_name_or_password_is_refused_and_told_without_it(
    run, smtp, user, password
):
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        smtp.login(user, password)
    assert refused.value.smtp_code == 535
    assert run.events[0] == "Refused a log-in with AUTH PLAIN: wrong name or password."


def test_without_log_in_a_mail_is_refused(run, smtp):
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        smtp.sendmail("a@example.com", ["b@example.com"], MAIL)
    assert refused.value.smtp_code == 530
    assert run.events == ["Refused a mail with 530: the client did not log in."]
    assert run.mails == []


def test_broken_log_in_data_is_refused_and_the_connection_goes_on(smtp):
    replies = [
        smtp.docmd("AUTH", "PLAIN !!!")[0],
        smtp.docmd("AUTH", "PLAIN AAAA")[0],
        smtp.docmd("AUTH", "LOGIN !!!")[0],
        smtp.docmd("AUTH", "CRAM-MD5")[0],
        smtp.docmd("AUTH", "LOGIN")[0],
        smtp.docmd("*")[0],
    ]
    assert replies == [501, 501, 501, 504, 334, 501]
    assert smtp.login("ann", "s3cret")[0] == 235


def test_a_password_outside_ascii_is_compared_as_utf8(run_server):
    run = run_server(username="zoë", password="pässwort")
    with smtplib.SMTP(run.server.host, run.server.port, timeout=10) as smtp:
        smtp.ehlo()
        # base64 of NUL zoë NUL pässwort; smtplib itself sends ASCII only
        assert smtp.docmd("AUTH", "PLAIN AHpvw6sAcMOkc3N3b3J0")[0] == 235


def test_log_in_is_not_offered_when_there_is_no_password(run_server):
    run = run_server(starttls=True)
    with smtplib.SMTP(run.server.host, run.server.port, timeout=10) as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("auth")


def test_passwords_never_reach_a_log_or_an_event(run, smtp, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login("ann", "wr0ngpass")
    smtp.login("ann", "s3cret")
    assert run.events
    for text in ("wr0ngpass", "s3cret"):
        assert text not in caplog.text
        assert text not in " ".join(run.events)


@pytest.mark.parametrize("half", [{"username": "ann"}, {"password": "s3cret"}])
def test_half_a_log_in_is_a_mistake(half):
    with pytest.raises(ValueError, match="both username and password"):
        MailServer(on_message=print, **half)
