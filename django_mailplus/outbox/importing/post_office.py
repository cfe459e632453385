"""The queue of django-post_office: fields and templates, read by its own code."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.encoders import encode_base64
from email.mime.nonmultipart import MIMENonMultipart
from typing import Any, Literal

from django.apps import apps
from django.core.mail import EmailMessage
from django.db import router
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from django_mailplus.outbox.importing.moving import (
    Carried,
    ImportRefusedError,
    NotCarriedError,
    Outcome,
)
from django_mailplus.outbox.options import OutboxOptions

__all__ = ["PostOffice"]

_PRIORITIES: dict[int | None, Literal["urgent", "high", "normal", "low"]] = {
    0: "low",
    1: "normal",
    2: "high",
    3: "urgent",
}
_ENCODING = "Content-Transfer-Encoding"
# One with the priority "now" has no status while a web process sends it.
_NOBODY_SENDS_SO_LONG = datetime.timedelta(hours=1)


class PostOffice:
    name = "post_office"

    def __init__(self, since: datetime.datetime | None = None) -> None:
        from post_office.models import STATUS
        from post_office.settings import get_override_recipients

        if get_override_recipients():
            raise ImportRefusedError(
                "POST_OFFICE['OVERRIDE_RECIPIENTS'] is set, so this queue is not meant to "
                "reach the people it names, and the import would send it to them. Delete "
                "the queued rows, or take the setting away if it is not meant for them."
            )
        self._status = STATUS
        self._emails: Any = _model("post_office", "Email")
        self._logs: Any = _model("post_office", "Log")
        self._since = since
        self.database = router.db_for_write(self._emails)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock that send_queued_mail and its Celery task take."""
        from post_office.lockfile import FileLock, FileLocked, default_lockfile

        lock = FileLock(default_lockfile)
        try:
            lock.__enter__()
        except (FileLocked, FileExistsError):
            raise ImportRefusedError(
                f"post_office is sending: it holds {lock.lock_filename}. Stop "
                "send_queued_mail on every host, its cron and its Celery task, and run "
                "this again. If none of them runs, delete the file."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def waiting(self) -> QuerySet[Any]:
        now = timezone.now()
        in_time = Q(expires_at=None) | Q(expires_at__gt=now)
        # Without a log entry nobody knows what became of it.
        unknown = ~Exists(self._logs.objects.filter(email=OuterRef("pk")))
        begun = Q(unknown, status=None, created__lt=now - _NOBODY_SENDS_SO_LONG)
        found = self._all().filter(in_time, self._queued() | begun)
        return found.prefetch_related("template", "attachments")

    def left_alone(self) -> list[str]:
        now = timezone.now()
        expired = self._all().filter(self._queued(), expires_at__lte=now).count()
        young = self._all().filter(
            status=None, created__gte=now - _NOBODY_SENDS_SO_LONG
        )
        told = []
        if expired:
            told.append(f"{expired} had expired before they were sent.")
        if young.exists():
            told.append(
                f"{young.count()} with the priority now are less than an hour old: "
                "perhaps they are being sent at this moment."
            )
        return told

    def carry(self, row: Any) -> Carried:
        due = row.scheduled_time
        later = due is not None and due > timezone.now()
        try:
            options = OutboxOptions(
                priority=_PRIORITIES.get(row.priority, "normal"),
                send_at=_aware(due) if later else None,
                expires_at=_aware(row.expires_at),
                idempotency_key=f"{self.name}:{row.pk}:{row.created:%Y%m%dT%H%M%S.%f}",
            )
        except ValueError as error:  # it ends before it is due
            raise NotCarriedError(str(error)) from None
        return Carried(
            message=_message(row),
            options=options,
            backend=self._backend(row.backend_alias),
            held=row.status is None,
        )

    def let_go(self, moved: Sequence[Outcome]) -> None:
        """They count as sent there, and their log says where they are."""
        self._all().filter(pk__in=[outcome.row.pk for outcome in moved]).update(
            status=self._status.sent, last_updated=timezone.now()
        )
        self._logs.objects.using(self.database).bulk_create(
            self._logs(
                email_id=outcome.row.pk,
                status=self._status.sent,
                message=f"Moved to the outbox of django-mailplus as {outcome.id}.",
            )
            for outcome in moved
        )

    def _all(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self._emails.objects.using(self.database)
        return found.filter(created__gte=self._since) if self._since else found.all()

    def _queued(self) -> Q:
        return Q(status__in=[self._status.queued, self._status.requeued])

    def _backend(self, alias: str) -> str:
        from post_office.settings import get_default_mailer

        return "" if alias == get_default_mailer() else alias


def _message(row: Any) -> EmailMessage:
    """What it would send. Rendering is its own, and so are the warnings on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        message: EmailMessage = row.email_message()
    for part in message.attachments:
        # It would send these octets as they are, which no mail server bears.
        if isinstance(part, MIMENonMultipart) and _ENCODING not in part:
            encode_base64(part)
    return message


def _aware(moment: datetime.datetime | None) -> datetime.datetime | None:
    if moment is None or timezone.is_aware(moment):
        return moment
    return timezone.make_aware(moment)


def _model(app: str, name: str) -> Any:
    return apps.get_model(app, name)
