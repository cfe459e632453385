"""Test what a project mails: look it up, follow it, compare it, and let servers fail.

Without an installation of anything: the fixtures of the same names come with pytest, the
mix-in is for unittest.
"""

from __future__ import annotations

from django_mailplus.testing.assertions import (
    assert_mail_sent,
    assert_no_mail_sent,
    assert_parts_agree,
)
from django_mailplus.testing.contract import BackendContract
from django_mailplus.testing.mailbox import Mailbox
from django_mailplus.testing.mixin import MailAssertionsMixin
from django_mailplus.testing.overriding import override_mailers
from django_mailplus.testing.sent_mail import SentAttachment, SentMail
from django_mailplus.testing.smtp_server import SmtpServer

__all__ = [
    "BackendContract",
    "MailAssertionsMixin",
    "Mailbox",
    "SentAttachment",
    "SentMail",
    "SmtpServer",
    "assert_mail_sent",
    "assert_no_mail_sent",
    "assert_parts_agree",
    "override_mailers",
]
