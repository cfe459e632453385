"""Signals of this room, sent once what they tell is committed.

The sender is the class of the user; a receiver that raises is logged and changes nothing.

verification_email_sent      user, email, purpose: a mail left for this address
email_verified               user, email, purpose: the user proved to read mail there
email_verification_failed    user (or None), reason: a link or code was refused
email_change_requested       user, old_email, new_email
email_changed                user, old_email, new_email; also when a change is undone
email_verification_reported  user, email: the reader of the mail says it is not theirs
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.dispatch import Signal

from django_mailplus.compat import in_transaction

__all__ = [
    "email_change_requested",
    "email_changed",
    "email_verification_failed",
    "email_verification_reported",
    "email_verified",
    "verification_email_sent",
]

verification_email_sent = Signal()
email_verified = Signal()
email_verification_failed = Signal()
email_change_requested = Signal()
email_changed = Signal()
email_verification_reported = Signal()


def tell(signal: Signal, **told: Any) -> None:
    """Send the signal after the commit, at once when there is no transaction."""
    model = get_user_model()

    def send() -> None:
        signal.send_robust(sender=model, **told)

    database = router.db_for_write(model)
    if in_transaction(database):
        transaction.on_commit(send, using=database)
    else:
        send()
