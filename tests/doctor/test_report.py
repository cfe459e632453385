"""What a terminal shows of outcomes and failures."""

from __future__ import annotations

import base64
import smtplib

import pytest
from django.test import override_settings

from django_mailplus.delivery import DeliveryResult, RecipientResult
from django_mailplus.doctor import report
from django_mailplus.doctor.catalogue import ServerSettings, explain


def refused(address: str, code: int, enhanced: str, text: str) -> RecipientResult:
    return RecipientResult(
        address=address, kind="permanent", code=code, enhanced=enhanced, text=text
    )


def test_an_answer_is_code_enhanced_code_and_text():
    assert (
        report.answer(refused("a@b", 550, "5.1.1", "No\nsuch user"))
        == "550 5.1.1 No such user"
    )


def test_an_answer_without_a_reply_is_empty():
    assert report.answer(RecipientResult(address="a@b", kind="unknown")) == ""


def test_a_reply_of_several_lines_keeps_one_enhanced_code():
    error = smtplib.SMTPAuthenticationError(
        535, b"5.7.8 Not accepted.\n5.7.8 See https://x"
    )
    assert report.error_text(error) == "535 5.7.8 Not accepted. See https://x"


def test_equal_replies_are_shown_once():
    error = smtplib.SMTPRecipientsRefused({"a": (550, b"no"), "b": (550, b"no")})
    assert report.error_text(error) == "550 no"


def test_other_errors_are_shown_with_their_class():
    assert report.error_text(ConnectionRefusedError(111, "refused")) == (
        "ConnectionRefusedError: [Errno 111] refused"
    )


def test_refused_recipients_can_be_explained_like_an_exception():
    result = DeliveryResult(
        recipients=(
            refused("a@b", 550, "5.1.1", "User unknown"),
            RecipientResult(address="c@d", kind="accepted", code=250),
        )
    )
    error = report.failure(result)
    assert list(error.recipients) == ["a@b"]
    assert explain(error).id == "recipient-unknown"


def test_no_code_is_made_up_for_a_connection_that_broke():
    lost = RecipientResult(address="a@b", kind="unknown", text="The connection broke")
    error = report.failure(DeliveryResult(recipients=(lost,), text=lost.text))
    assert isinstance(error, smtplib.SMTPServerDisconnected)
    assert "550" not in report.error_text(error)


def test_nothing_that_a_terminal_obeys_is_left():
    shown = report.one_line("a\x1b[2J\x9bb\r\n\x00c\u202egnp.exe")
    assert shown.isprintable()


@pytest.mark.parametrize("secret", ["hunter2", "p\xe4ssword"])
def test_a_configured_secret_is_hidden_in_every_form(secret):
    server = ServerSettings(username="u", password=secret)
    hide = report.secrets(server)
    for form in (secret, f"\0u\0{secret}"):
        encoded = base64.b64encode(form.encode()).decode()
        assert report.one_line(f"x {encoded} {secret} y", hide=hide) == "x **** **** y"


def test_secrets_are_found_in_the_options_of_every_mailer():
    mailers = {
        "a": {"OPTIONS": {"password": "first-secret", "host": "mail.example.com"}},
        "b": {"OPTIONS": {"api_key": "second-secret", "port": 25}},
        "c": {},
        "d": "nonsense",
    }
    with override_settings(MAILERS=mailers):
        hide = report.secrets(ServerSettings())
    assert report.one_line(
        "first-secret second-secret mail.example.com", hide=hide
    ) == ("**** **** mail.example.com")


def test_a_row_is_wrapped_under_its_label():
    lines = report.row("Cause", "word " * 40).splitlines()
    assert lines[0].startswith("  Cause    word")
    assert all(line.startswith(" " * 11 + "word") for line in lines[1:])
    assert max(map(len, lines)) <= 88
