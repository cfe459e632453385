"""sendtestemail: Django's command, with a report and an exit code."""

from __future__ import annotations

import socket
from email import message_from_bytes, policy

import pytest
from commands.sendtestemail_stage import (
    Broken,
    NoCount,
    Nothing,
    Outcome,
    backend_path,
    mailer,
    people,
)
from django.core import mail as django_mail
from django.test import override_settings

# --- What a mail looks like that arrived -------------------------------------------------------


def test_a_mail_that_was_accepted_is_reported_recipient_by_recipient(aiosmtpd_server):
    with override_settings(MAILERS={"default": mailer(aiosmtpd_server)}):
        outcome = Outcome("a@example.com", "b@example.com")
    assert outcome.error is None
    assert "Mailer default" in outcome.out
    assert "From Shop <shop@example.com>" in outcome.out
    assert "To a@example.com, b@example.com" in outcome.out
    assert "accepted a@example.com 250 2.1.5 Ok" in outcome.out
    assert "accepted b@example.com 250 2.1.5 Ok" in outcome.out
    assert "Reply 250 2.0.0 Ok: queued as 4F1D" in outcome.out
    assert "Time 0." in outcome.out
    (envelope,) = aiosmtpd_server.messages
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    received = message_from_bytes(envelope.content, policy=policy.default)
    assert received["Subject"].startswith(f"Test email from {socket.gethostname()} on ")
    assert (
        received.get_content().strip() == "If you're reading this, it was successful."
    )


def test_using_chooses_the_mailer_on_every_django(server):
    mailers = {
        "default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"},
        "other": mailer(server),
    }
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com", "--using", "other")
    assert "Mailer other" in outcome.out
    assert len(server.messages) == 1


def test_from_html_and_attachments_go_into_the_message(server, tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.csv"
    first.write_text("hello", encoding="utf-8")
    second.write_text("1,2", encoding="utf-8")
    with override_settings(MAILERS={"default": mailer(server)}):
        Outcome(
            "a@example.com", "--from", "me@example.com", "--html",
            "--attach", str(first), "--attach", str(second),
        )  # fmt: skip
    received = message_from_bytes(server.messages[0], policy=policy.default)
    assert received["From"] == "me@example.com"
    assert (
        "<p>If you&#x27;re reading this" in received.get_body(("html",)).get_content()
    )
    assert "If you're reading this" in received.get_body(("plain",)).get_content()
    assert [part.get_filename() for part in received.iter_attachments()] == [
        "a.txt",
        "b.csv",
    ]
    assert any(
        line.lower().startswith("mail from:<me@example.com>")
        for line in server.commands
    )


@override_settings(
    MANAGERS=people("m@example.com"),
    ADMINS=people("x@example.com", "y@example.com"),
    EMAIL_SUBJECT_PREFIX="[Shop] ",
    SERVER_EMAIL="server@example.com",
)
def test_managers_and_admins_get_what_django_would_send_them():
    outcome = Outcome("--managers", "--admins", "a@example.com")
    assert outcome.error is None
    mails = django_mail.outbox
    assert [m.to for m in mails] == [
        ["a@example.com"],
        ["m@example.com"],
        ["x@example.com", "y@example.com"],
    ]
    assert [m.from_email for m in mails] == [
        "Shop <shop@example.com>",
        "server@example.com",
        "server@example.com",
    ]
    assert [m.subject.startswith("[Shop] Test email from") for m in mails] == [
        False,
        True,
        True,
    ]
    assert mails[1].body == "This email was sent to the site managers."
    assert mails[2].body == "This email was sent to the site admins."


@override_settings(ADMINS=people("x@example.com"))
def test_from_also_counts_for_mail_to_the_admins():
    Outcome("--admins", "--from", "me@example.com")
    assert django_mail.outbox[0].from_email == "me@example.com"


def test_with_verbosity_0_only_failures_speak():
    outcome = Outcome("a@example.com", verbosity=0)
    assert (outcome.raw, outcome.error) == ("", None)


# --- Backends that report nothing ------------------------------------------------------------


def test_of_a_foreign_backend_what_is_known_is_said():
    mailers = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
    with override_settings(MAILERS=mailers):
        outcome = Outcome("a@example.com")
    assert (
        "the console backend accepted 1 message; it reports nothing on recipients"
        in outcome.out
    )
    assert "Subject: Test email from" in outcome.printed


def test_a_backend_that_sent_nothing_is_a_failure():
    with override_settings(MAILERS={"default": {"BACKEND": backend_path(Nothing)}}):
        outcome = Outcome("a@example.com")
    assert outcome.failure == "The mailer 'default' reports that it sent nothing."


def test_a_backend_without_a_count_is_no_failure():
    with override_settings(MAILERS={"default": {"BACKEND": backend_path(NoCount)}}):
        outcome = Outcome("a@example.com")
    assert outcome.error is None
    assert "backend took the message" in outcome.out


def test_an_error_that_nobody_knows_is_one_clear_line():
    with override_settings(MAILERS={"default": {"BACKEND": backend_path(Broken)}}):
        outcome = Outcome("a@example.com")
    assert outcome.failure.startswith(
        "default: the mail was not sent. Error LookupError: the"
    )
    assert "\x1b" not in outcome.failure


# --- Nothing to do ---------------------------------------------------------------------------


def test_no_address_at_all_is_an_error():
    assert "You must specify some email recipients" in Outcome().failure
    assert "--admins" in Outcome().failure


def test_using_alone_sends_nothing_and_says_so():
    assert (
        "You must specify some email recipients"
        in Outcome("--using", "console").failure
    )


@override_settings(ADMINS=[], MANAGERS=[])
@pytest.mark.parametrize("name", ["ADMINS", "MANAGERS"])
def test_an_empty_setting_is_an_error(name):
    outcome = Outcome(f"--{name.lower()}")
    assert outcome.failure.startswith(f"{name} is empty: nobody there to send to.")
    assert django_mail.outbox == []


@override_settings(ADMINS=[], MANAGERS=people("m@example.com"))
def test_an_empty_setting_is_an_error_even_when_others_got_their_mail():
    outcome = Outcome("--managers", "--admins")
    assert outcome.failure.startswith("ADMINS is empty")
    assert len(django_mail.outbox) == 1


@override_settings(ADMINS="x@example.com")
def test_a_setting_of_the_wrong_form_is_an_error():
    assert "The ADMINS setting must be a list of" in Outcome("--admins").failure


@override_settings(ADMINS=["x@example.com", ("a", "b", "c")])
def test_an_entry_of_the_wrong_form_is_an_error():
    assert "The ADMINS setting must be a list of" in Outcome("--admins").failure


def test_a_file_that_does_not_exist_stops_everything():
    outcome = Outcome("a@example.com", "--attach", "/nowhere/a.txt")
    assert (
        outcome.failure
        == "--attach: there is no file '/nowhere/a.txt'. Nothing was sent."
    )
    assert django_mail.outbox == []
