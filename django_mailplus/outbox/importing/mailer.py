"""The queue of django-mailer: pickled messages, which its own model reads.

To unpickle is to run what the row says. So only rows of its table are read, through the
installed package, which would do the same to send them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connections, router
from django.db.models import Q, QuerySet

from django_mailplus.message.copying import copy_message
from django_mailplus.message.envelope import bare_address
from django_mailplus.outbox.importing.moving import (
    Carried,
    ImportRefusedError,
    NotCarriedError,
    Outcome,
)
from django_mailplus.outbox.options import OutboxOptions

__all__ = ["Mailer"]

_DEFERRED = 4
_PRIORITIES: dict[int, Literal["high", "normal", "low"]] = {
    1: "high",
    2: "normal",
    3: "low",
    _DEFERRED: "normal",  # what its retry_deferred makes of them
}


class Mailer:
    name = "mailer"

    def __init__(self, since: datetime.datetime | None = None) -> None:
        self._messages: Any = _model("mailer", "Message")
        self._logs: Any = _model("mailer", "MessageLog")
        self._unwanted: Any = _model("mailer", "DontSendEntry")
        self._since = since
        self.database = router.db_for_write(self._messages)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Its senders lock each row; only where there are no such locks is its file taken."""
        use_file = getattr(settings, "MAILER_USE_FILE_LOCK", True)
        if not use_file or connections[self.database].features.has_select_for_update:
            yield
            return
        from mailer.engine import acquire_lock, release_lock

        acquired, lock = acquire_lock()
        if not acquired:
            raise ImportRefusedError(
                f"django-mailer is sending, or was killed: there is {lock.lock_file}. Stop "
                "send_mail, retry_deferred and runmailer, and run this again. If none of "
                "them runs, delete the file."
            )
        try:
            yield
        finally:
            release_lock(lock)

    def waiting(self) -> QuerySet[Any]:
        return self._all().filter(~self._given_up())

    def left_alone(self) -> list[str]:
        given_up = self._all().filter(self._given_up()).count()
        if not given_up:
            return []
        return [f"{given_up} are deferred and past MAILER_EMAIL_MAX_RETRIES."]

    def carry(self, row: Any) -> Carried:
        from mailer.engine import ensure_message_id

        message = row.email
        if message is None:
            raise NotCarriedError(
                "django-mailer cannot read it, and would discard it: its class may have "
                "moved, or it was damaged."
            )
        if not isinstance(message, EmailMessage):
            raise NotCarriedError("It is no EmailMessage.")
        ensure_message_id(message)
        key = f"{self.name}:{row.pk}:{row.when_added:%Y%m%dT%H%M%S.%f}"
        return Carried(
            message=self._without_unwanted(message),
            options=OutboxOptions(
                priority=_PRIORITIES.get(row.priority, "normal"), idempotency_key=key
            ),
        )

    def let_go(self, moved: Sequence[Outcome]) -> None:
        """Its queue is what is in the table, so they leave it; its log keeps a trace."""
        from mailer.models import get_message_id

        self._logs.objects.using(self.database).bulk_create(
            self._logs(
                message_id=get_message_id(outcome.message),
                when_added=outcome.row.when_added,
                priority=outcome.row.priority,
                result="1",  # success
                log_message=f"Moved to the outbox of django-mailplus as {outcome.id}.",
            )
            for outcome in moved
        )
        self._all().filter(pk__in=[outcome.row.pk for outcome in moved]).delete()

    def _all(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self._messages.objects.using(self.database)
        return found.filter(when_added__gte=self._since) if self._since else found.all()

    def _given_up(self) -> Q:
        most = getattr(settings, "MAILER_EMAIL_MAX_RETRIES", None)
        if most is None:
            return Q(pk__in=[])
        return Q(priority=_DEFERRED, retry_count__gte=most)

    def _without_unwanted(self, message: EmailMessage) -> EmailMessage:
        """Without those on its do-not-send list; raises if that is everybody."""
        unwanted = {
            address
            for address in message.recipients()
            if self._is_unwanted(bare_address(address))
        }
        if not unwanted:
            return message
        if unwanted.issuperset(message.recipients()):
            raise NotCarriedError("All of its recipients are DontSendEntry.")
        message = copy_message(message)
        for name in ("to", "cc", "bcc"):
            kept = [a for a in getattr(message, name) if a not in unwanted]
            setattr(message, name, kept)
        return message

    def _is_unwanted(self, address: str) -> bool:
        found = self._unwanted.objects.using(self.database)
        return bool(found.filter(to_address__iexact=address).exists())


def _model(app: str, name: str) -> Any:
    return apps.get_model(app, name)
