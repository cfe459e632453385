"""Keeps messages in the project's database; whoever works off the outbox sends them.

A message is there, or not, with the transaction in which it was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django.core.checks import CheckMessage
from django.core.mail import EmailMessage

from django_mailplus.backends.base import BackendKind, WrapperBackend
from django_mailplus.compat import InvalidMailer
from django_mailplus.delivery import set_result

if TYPE_CHECKING:
    from django_mailplus.outbox.options import OutboxOptions

__all__ = ["EmailBackend"]

Dispatch = Literal["thread", "worker", "tasks", "celery", "inline"]


class EmailBackend(WrapperBackend):
    """Stores messages for the mailer that `using` names.

    `dispatch` says who sends them: "thread" of this process, "worker" (runmailworker),
    "tasks", "celery", or "inline" right after the commit. Over `concurrency` connections
    at once, at the `rate` at most, such as "14/s" or "500/h", all workers together. What
    a worker has taken is its own for `lease` seconds, and it renews them as long as it
    lives. `on_unknown` says what to do where nobody knows whether the server took a mail:
    "retry", or "hold" it for a human. This and `priority`, `max_age`, `stream` and
    `sensitive` are what holds for messages that say nothing else: see `OutboxOptions`.

    Returns how many were stored. Raises what the database raises, and `SnapshotError`
    for a message that cannot be stored: with `fail_silently`, too, for nobody else would
    ever hear of it.
    """

    kind: ClassVar[BackendKind] = "store"

    def __init__(
        self,
        *,
        dispatch: Dispatch = "thread",
        on_unknown: Literal["retry", "hold"] = "retry",
        lease: float | None = None,
        concurrency: int | None = None,
        rate: str | None = None,
        priority: Literal["urgent", "high", "normal", "low"] | None = None,
        max_age: float | None = None,
        stream: str | None = None,
        sensitive: bool | None = None,
        queue: str | None = None,
        task_backend: str | None = None,
        notify: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        from django_mailplus.outbox.options import OutboxOptions

        self.dispatch = self._possible(dispatch)
        self.queue = queue
        self.task_backend = task_backend
        self.notify = notify
        # What concerns the sending is read by whoever sends: see outbox.mailers.configured.
        usual: dict[str, Any] = {
            "on_unknown": on_unknown,
            "priority": priority,
            "max_age": max_age,
            "stream": stream,
            "sensitive": sensitive,
        }
        others = {
            "lease": lease,
            "concurrency": concurrency,
            "rate": rate,
            "notify": notify,
        }
        self._refuse_wrong_values(usual | others)
        self._options = OutboxOptions(**usual)

    def _refuse_wrong_values(self, options: Mapping[str, Any]) -> None:
        from django_mailplus.outbox.checks import REPAIR, wrong_values

        for text in wrong_values(options):
            raise InvalidMailer(f"{text} {REPAIR}", alias=self.alias)

    def _possible(self, dispatch: Dispatch) -> Dispatch:
        """Before a mail is stored that nobody would send."""
        from django_mailplus.outbox.dispatch.checks import DISPATCHES, missing

        if dispatch not in DISPATCHES:
            known = ", ".join(map(repr, DISPATCHES))
            raise InvalidMailer(
                f"dispatch={dispatch!r} is unknown (there are: {known}).",
                alias=self.alias,
            )
        if (text := missing(dispatch)) is not None:
            raise InvalidMailer(text, alias=self.alias)
        return dispatch

    @classmethod
    def check(cls, alias: str | None, options: Mapping[str, Any]) -> list[CheckMessage]:
        from django_mailplus.outbox.checks import check_options
        from django_mailplus.outbox.dispatch.checks import check_dispatch

        return [
            *super().check(alias, options),
            *check_dispatch(alias, options),
            *check_options(alias, options),
        ]

    def open(self) -> None:
        """Nothing is sent from here."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        from django_mailplus.inbox import leading, origin
        from django_mailplus.outbox.dispatch import wakeup
        from django_mailplus.outbox.options import OutboxOptions, current_options
        from django_mailplus.outbox.rows import storing

        usual = current_options().or_else(self._options)
        here = origin.place() if leading.is_there() else None
        chosen: list[tuple[EmailMessage, OutboxOptions]] = []
        for message in email_messages:
            if hasattr(message, "mailplus_mail"):  # of a worker, see `rebuilding`
                raise InvalidMailer(
                    "a mail that comes from an outbox is not kept again: it might go round "
                    "for ever. Let the mailer behind that outbox hand it to one that sends.",
                    alias=self.alias,
                )
            set_result(message, None)
            if message.recipients():
                options = OutboxOptions.of(message).or_else(usual)
                if here is not None:
                    message = origin.noting_origin(message, here)
                chosen.append((message, options))
        if not chosen:
            return 0
        [alias] = self.using
        storing.store(chosen, alias or "")
        wakeup.hint(self.dispatch, alias or "", notifying=self.notify)
        return len(chosen)
