"""What `sendtestemail` says about a mail that went into an outbox."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Iterator, Mapping, Sequence

from django_mailplus.chain import aliases_used, kind_of, options_of, walk
from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.outbox.states import FINAL, State

__all__ = ["find", "is_unsent", "rows", "so_far"]

_SENDERS: Mapping[str, str] = {
    "thread": "a thread of this command, before it ends",
    "worker": "manage.py runmailworker; start one if none runs",
    "tasks": "a worker of Django's tasks",
    "celery": "a Celery worker",
    "inline": "this command",
}


def find(pk: uuid.UUID) -> OutboxMessage:
    return OutboxMessage.objects.using(database()).get(pk=pk)


def is_unsent(mail: OutboxMessage) -> bool:
    return mail.state in FINAL and mail.state != State.SENT


def so_far(mails: Sequence[OutboxMessage]) -> str:
    """What the outbox has made of them, in one or two words."""
    states = {State(mail.state) for mail in mails}
    if not states or states & {State.QUEUED, State.SENDING}:
        return "kept for later"
    return f"kept, {' and '.join(sorted(state.value for state in states))} by now"


def rows(
    mail: OutboxMessage, alias: str, recipients: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Labels and texts, for a mail that was sent through the mailer `alias`."""
    state = State(mail.state)
    if state == State.QUEUED and not mail.attempts:
        yield "Result", "queued in the outbox; no mail server has seen it yet"
    else:
        yield "Result", f"{state.label}, by way of the outbox"
    yield "Mail", str(mail.pk)
    if state == State.QUEUED:
        yield "Sender", _SENDERS.get(_dispatch(alias, mail.mailer), "unknown")
    yield "Then", f"manage.py mailqueue show {mail.pk}  (what became of it)"
    if mail.mailer:
        test = shlex.join(["sendtestemail", "--using", mail.mailer, *recipients])
        yield "Or", f"manage.py {test}  (asks the mail server at once)"


def _dispatch(alias: str, mailer: str) -> str:
    """Of the outbox on the way that sends through that mailer; "" is for EMAIL_ settings."""
    for store in walk(alias):
        if kind_of(store) == "store" and (not mailer or mailer in aliases_used(store)):
            return str(options_of(store).get("dispatch", "thread"))
    return ""
