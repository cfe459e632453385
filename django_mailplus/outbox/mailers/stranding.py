"""Mails that nothing will send: their mailer was renamed, removed, or taken from its outbox.

Workers look for mails by the name of a mailer, so they never see these.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping

from django.db import Error
from django.db.models import Count

from django_mailplus.outbox.mailers.configured import dispatches
from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.states import LIVE

__all__ = ["explain", "find", "warn"]

logger = logging.getLogger(__name__)


def find() -> Mapping[str, int]:
    """Mailers through which no outbox sends, with the number of their unfinished mails."""
    mails = OutboxMessage.objects.using(database()).order_by()
    waiting = mails.filter(state__in=LIVE).exclude(mailer__in=[*dispatches()])
    counted = waiting.values_list("mailer").annotate(Count("pk")).order_by("mailer")
    return dict(counted)


def explain(alias: str, count: int) -> str:
    """What is wrong and what to do, in one line."""
    mails = "1 mail waits" if count == 1 else f"{count:,} mails wait"
    there = ", ".join(map(repr, sorted(dispatches()))) or "none"
    return (
        f"{mails} for the mailer {alias!r}, through which no outbox sends (there are: "
        f"{there}). Put it back into MAILERS and into 'using' of an outbox, or let another "
        f"one send: manage.py mailqueue move {shlex.quote(alias)} --to MAILER."
    )


def warn() -> None:
    """Tell the log, when a worker starts; a database that is down is its own trouble."""
    try:
        stranded = find()
    except Error:
        return
    for alias, count in stranded.items():
        logger.warning("%s", explain(alias, count))
