"""What people may do with mails, in the words of the admin and of mailqueue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.states import FINAL, State

__all__ = ["VERBS", "Verb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`start` are the states it leads somewhere from; `question` is asked where there is no way back.

    `hastens` is whether it would send at once what is yet to be sent at its time.
    """

    name: str
    label: Any  # lazy texts have no public type
    done: str
    means: str
    act: Callable[[QuerySet[OutboxMessage]], int]
    start: frozenset[State]
    question: Any = ""
    needs_content: bool = False
    hastens: bool = False

    def suits(self, mail: OutboxMessage, *, has_content: bool) -> bool:
        """Whether there is a point in offering it for this mail."""
        if mail.state not in self.start:
            return False
        return has_content or not self.needs_content or mail.state == State.QUEUED


_ALL: tuple[Verb, ...] = (
    Verb(
        name="retry",
        label=_("Try now"),
        done="retried",
        means="Try now, for the recipients that have not got the mail.",
        act=transitions.retry,
        start=frozenset(
            {State.QUEUED, State.FAILED, State.UNKNOWN, State.PARTIAL, State.EXPIRED}
        ),
        needs_content=True,
        hastens=True,
    ),
    Verb(
        name="hold",
        label=_("Hold"),
        done="held",
        means="Do not send until released.",
        act=transitions.hold,
        start=frozenset({State.QUEUED}),
    ),
    Verb(
        name="release",
        label=_("Release"),
        done="released",
        means="Send what was held.",
        act=transitions.unhold,
        start=frozenset({State.HELD}),
    ),
    Verb(
        name="cancel",
        label=_("Cancel sending"),
        done="cancelled",
        means="Never send.",
        act=transitions.cancel,
        start=frozenset({State.QUEUED, State.HELD}),
        question=_("They will not be sent. Those that were sent meanwhile stay sent."),
    ),
    Verb(
        name="mark_sent",
        label=_("Mark as sent"),
        done="marked as sent",
        means="Take it for sent, and try no more.",
        act=transitions.mark_sent,
        start=frozenset(set(State) - {State.SENDING, State.SENT}),
        question=_("They will count as sent and not be tried again."),
    ),
    Verb(
        name="requeue",
        label=_("Send once more"),
        done="requeued",
        means="Send once more to everybody, those included who have got the mail.",
        act=transitions.requeue,
        start=frozenset(FINAL),
        question=_(
            "They will be sent to all of their recipients, also to those who have them already."
        ),
        needs_content=True,
    ),
)
VERBS: Mapping[str, Verb] = {verb.name: verb for verb in _ALL}
