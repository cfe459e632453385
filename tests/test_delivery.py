"""Results count rightly; errors are laid at the right door."""

from __future__ import annotations

import smtplib
import ssl

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    classify,
    mark_unsent,
    unsent,
)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (
            smtplib.SMTPRecipientsRefused({"a": (550, b"no"), "b": (450, b"later")}),
            "recipient",
        ),
        (smtplib.SMTPRecipientsRefused({"a": (421, b"closing")}), "mailer"),
        (smtplib.SMTPSenderRefused(550, b"no", "a"), "message"),
        (smtplib.SMTPSenderRefused(530, b"log in", "a"), "mailer"),
        (smtplib.SMTPDataError(554, b"spam"), "message"),
        (smtplib.SMTPDataError(421, b"closing"), "mailer"),
        (smtplib.SMTPDataError(-1, b"junk"), "unknown"),
        (smtplib.SMTPResponseException(500, b"Line too long."), "unknown"),
        (smtplib.SMTPHeloError(504, b"no"), "mailer"),
        (smtplib.SMTPAuthenticationError(535, b"no"), "mailer"),
        (smtplib.SMTPConnectError(554, b"no"), "mailer"),
        (smtplib.SMTPNotSupportedError("STARTTLS"), "mailer"),
        (smtplib.SMTPServerDisconnected("gone"), "unknown"),
        (TimeoutError("read"), "unknown"),
        (ConnectionRefusedError(), "mailer"),
        (ssl.SSLError("handshake"), "mailer"),
        (ImproperlyConfigured("no host"), "mailer"),
        (ValueError("newline in a header"), "message"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "message"),
        (LookupError("unknown encoding"), "message"),
        (RuntimeError("?"), "unknown"),
    ],
)
def test_an_error_is_classified_by_its_class_and_code(error, fault):
    assert classify(error) == fault


def test_a_lost_connection_known_to_precede_the_body_is_the_mailers_fault():
    error = smtplib.SMTPServerDisconnected("gone")
    mark_unsent(error)
    assert classify(error) == "mailer"


def test_accepted_and_refused_share_out_the_recipients():
    result = DeliveryResult(
        recipients=tuple(
            RecipientResult(address=f"{kind}@example.com", kind=kind)
            for kind in ("accepted", "transient", "permanent", "unknown")
        )
    )
    assert [r.kind for r in result.accepted] == ["accepted"]
    assert [r.kind for r in result.refused] == ["transient", "permanent", "unknown"]


def test_an_unsent_result_names_the_error_but_not_its_words():
    result = unsent(["a@example.com"], ValueError("bad address secret@example.com"))
    assert result.text == "Not sent: ValueError"
    assert "example.com" not in repr(result)


def test_a_result_cannot_be_changed():
    result = unsent([], None)
    with pytest.raises(AttributeError):
        result.code = 250
