"""Verification of email addresses: a mail, a link or a code, and a proof that says what it proves.

Import from here once Django is set up (views, forms, commands); the models need the apps.
"""

from __future__ import annotations

from django_mailplus.verification.addresses import (
    is_email_verified,
    unverify_email_address,
    verify_email_address,
)
from django_mailplus.verification.change import cancel_email_change, start_email_change
from django_mailplus.verification.proofs import check_verification_token
from django_mailplus.verification.public import send_account_exists_email
from django_mailplus.verification.sending import (
    VerificationResult,
    make_verification_url,
    send_verification_email,
)
from django_mailplus.verification.waiting import deactivate_until_verified

__all__ = [
    "VerificationResult",
    "cancel_email_change",
    "check_verification_token",
    "deactivate_until_verified",
    "is_email_verified",
    "make_verification_url",
    "send_account_exists_email",
    "send_verification_email",
    "start_email_change",
    "unverify_email_address",
    "verify_email_address",
]
