"""From the row of a mail to its message, or to what it means that there is none."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

from django.core.mail import EmailMessage

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message.narrowing import narrow
from django_mailplus.message.snapshot import restore
from django_mailplus.outbox.backoff import after_attempt
from django_mailplus.outbox.judging.explaining import explain_rebuilding
from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.models import Blob, Recipient, database
from django_mailplus.outbox.rows import blobs
from django_mailplus.outbox.sending.carried import Carried
from django_mailplus.outbox.states import State

__all__ = ["not_rebuilt", "rebuilt"]

logger = logging.getLogger(__name__)

_DAMAGE = (
    SnapshotError,
    json.JSONDecodeError,
    Blob.DoesNotExist,
    FileNotFoundError,  # in a storage
)


def rebuilt(claimed: Carried) -> EmailMessage:
    """To those whose fate is not settled yet. Raises whatever stands in the way."""
    mail = claimed.mail
    message = restore(json.loads(mail.document), blobs.load)
    message.mailplus_mail = mail.id  # type: ignore[attr-defined]  # see `tracking`
    if mail.has_fates:
        fates = Recipient.objects.using(database()).filter(mail=mail.id)
        claimed.settled = {
            fate.address: State(fate.state)
            for fate in fates
            if fate.state != State.QUEUED
        }
        narrow(message, without=claimed.settled)
    return message


def not_rebuilt(claimed: Carried, error: Exception) -> Verdict:
    mail = claimed.mail
    kind = type(error).__qualname__  # its words may be those of the mail
    logger.warning("Mail %s cannot be rebuilt (%s)", mail.id, kind)
    verdict = Verdict(
        state=State.FAILED,
        outcome="permanent",
        text=explain_rebuilding(error),
        handed_over=False,
    )
    if isinstance(error, _DAMAGE):
        return verdict
    # Perhaps the storage of its attachments, which may be back later.
    wait = after_attempt(mail.attempts)
    if wait > claimed.left:
        return verdict
    return replace(
        verdict,
        state=State.QUEUED,
        outcome="transient",
        wait=wait,
        left=claimed.left,
    )
