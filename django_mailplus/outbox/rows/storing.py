"""Messages into the outbox, in the transaction of whoever sends them: rollback, no mail."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.mail import EmailMessage
from django.db import IntegrityError, OperationalError, connections, transaction

from django_mailplus.columns import in_columns, storable
from django_mailplus.message.copying import freeze
from django_mailplus.message.envelope import envelope_of
from django_mailplus.message.headers import extra_header
from django_mailplus.message.snapshot import take
from django_mailplus.outbox.models import OutboxMessage, Payload, database, new_id
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import blobs
from django_mailplus.outbox.rows.inserting import Table, insert, insert_at_once
from django_mailplus.outbox.rows.statements import literal, now
from django_mailplus.outbox.rows.telling import tell_after_commit
from django_mailplus.outbox.states import State

__all__ = ["Stored", "UnseenError", "noting", "store"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A mail in the outbox; not `is_new` where its idempotency key found an earlier one."""

    id: uuid.UUID
    is_new: bool


@dataclass(slots=True)
class _Draft:
    row: dict[str, Any]
    document: dict[str, Any]
    blobs: dict[str, bytes]

    @property
    def id(self) -> uuid.UUID:
        return self.row["id"]  # type: ignore[no-any-return]

    @property
    def key(self) -> str | None:
        return self.row["idempotency_key"]  # type: ignore[no-any-return]


class UnseenError(OperationalError):
    """Somebody has just stored a mail with that key, and our transaction cannot see it.

    So it is with REPEATABLE READ; like other conflicts of it, it ends when the transaction
    is run again.
    """


_UNSEEN = (
    "Another transaction has just stored a mail with the same idempotency key, and this "
    "one cannot see it at its isolation level. Roll it back and run it again: then the "
    "mail is found. With READ COMMITTED, Django's default, it is found at once."
)
_Noted = list[tuple[EmailMessage, Stored]]
_noted: ContextVar[_Noted | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[_Noted]:
    """What this block stores, through whatever mailers, as it came to the outbox."""
    stored: _Noted = []
    token = _noted.set(stored)
    try:
        yield stored
    finally:
        _noted.reset(token)


def store(
    messages: Sequence[tuple[EmailMessage, OutboxOptions]], mailer: str
) -> list[Stored]:
    """Store messages that leave through a mailer, in their order, all or none.

    Raises what a message raises that cannot be carried or written, before anything was
    stored, and what the database raises; also `UnseenError`, in a transaction of the
    caller. Where there is none a second one sees what the first did not.
    """
    drafts = [_draft(message, options, mailer) for message, options in messages]
    try:
        return _store(messages, drafts)
    except UnseenError:
        if connections[database()].in_atomic_block:
            raise
        return _store(messages, drafts)


def _store(
    messages: Sequence[tuple[EmailMessage, OutboxOptions]], drafts: Sequence[_Draft]
) -> list[Stored]:
    with _transaction(drafts):
        _insert([draft for draft in drafts if draft.key is None])
        stored = [
            Stored(id=draft.id, is_new=True) if draft.key is None else _first(draft)
            for draft in drafts
        ]
        # Before the commit, whose receivers may send mails of their own.
        if (noted := _noted.get()) is not None:
            noted += zip([message for message, _ in messages], stored, strict=True)
        tell_after_commit(State.QUEUED, [mail.id for mail in stored if mail.is_new])
    return stored


def _transaction(drafts: Sequence[_Draft]) -> AbstractContextManager[Any]:
    """None around what is one statement, which is a transaction by itself."""
    alone = len(drafts) == 1 and drafts[0].key is None and not drafts[0].blobs
    connection = connections[database()]
    if alone and connection.vendor == "postgresql" and connection.get_autocommit():
        return nullcontext()
    return transaction.atomic(using=database(), savepoint=False)


def _draft(message: EmailMessage, options: OutboxOptions, mailer: str) -> _Draft:
    _refuse_header_injection(message)
    message = freeze(message)
    # For the mailers that see it when it leaves; a class may say it by a property.
    if options.stream and options.stream != getattr(message, "stream", None):
        message.stream = options.stream  # type: ignore[attr-defined]
    envelope = envelope_of(message)
    give_up: Any
    due: Any
    if (due := in_columns(options.send_at)) is None:
        due, give_up = now(), now(options.retried_for.total_seconds())
    else:
        give_up = due + options.retried_for
    row = {
        "id": new_id(),
        "mailer": mailer,
        "priority": options.level.value,
        "due_at": due,
        "expires_at": in_columns(options.expires_at),
        "give_up_at": give_up,
        "hold_unknown": options.on_unknown == "hold",
        "sensitive": bool(options.sensitive),
        "stream": storable(options.stream or "", 100),
        "message_id": storable(extra_header(message, "Message-ID"), 255),
        "mail_from": storable(envelope.mail_from, 320),
        "recipients": json.dumps([storable(each, 1_000) for each in envelope.rcpt_to]),
        # One such as "123456 is your code" would outlive the content.
        "subject": "" if options.sensitive else storable(str(message.subject), 255),
        "idempotency_key": options.idempotency_key,
    }
    snapshot = take(message)
    return _Draft(row, snapshot.document, snapshot.blobs)


def _refuse_header_injection(message: EmailMessage) -> None:
    """Now, while whoever sends can still tell the visitor, and with Django's own error."""
    headers = (message.subject, message.from_email, *message.to, *message.cc)
    if any(
        "\n" in text or "\r" in text
        for value in (*headers, *message.reply_to, *message.extra_headers.values())
        for text in [str(value)]
    ):
        message.message()


def _insert(drafts: Sequence[_Draft]) -> None:
    if not drafts:
        return
    mails = (OutboxMessage, _NEW | {"created_at": now()}, [d.row for d in drafts])
    payloads: Table = (
        Payload,
        {},
        [{"mail": d.id, "document": json.dumps(d.document)} for d in drafts],
    )
    contents = {digest: data for d in drafts for digest, data in d.blobs.items()}
    if contents or not insert_at_once(mails, payloads):
        insert(*mails)
        blobs.keep(contents)
        insert(*payloads)
        blobs.link({draft.id: list(draft.blobs) for draft in drafts})


_NEW: dict[str, Any] = {
    "state": literal(State.QUEUED.value),
    "attempts": literal(0),
    "claim_token": literal(""),
    "claimed_by": literal(""),
    "lease_until": None,
    "handover_started_at": None,
    "finalised_at": None,
    "code": None,
    "enhanced": literal(""),
    "text": literal(""),
}


def _first(draft: _Draft) -> Stored:
    """The row with that key, whoever wrote it; the caller's transaction goes on."""
    known = OutboxMessage.objects.using(database()).filter(idempotency_key=draft.key)
    if (pk := known.values_list("pk", flat=True).first()) is not None:
        return Stored(id=pk, is_new=False)
    try:
        with transaction.atomic(using=database()):
            _insert([draft])
    except IntegrityError as error:
        if (pk := known.values_list("pk", flat=True).first()) is None:
            raise UnseenError(_UNSEEN) from error
        return Stored(id=pk, is_new=False)
    return Stored(id=draft.id, is_new=True)
