"""What people may do with mails, in the words of buttons and menus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from django_mailplus.outbox import transitions
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.outbox.states import FINAL, State

__all__ = ["VERBS", "Verb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`states` are those it leads somewhere from; `question` is asked where there is no way back."""

    name: str
    label: Any  # lazy texts have no public type
    apply: Callable[[QuerySet[OutboxMessage]], int]
    states: frozenset[State]
    question: Any = ""
    needs_content: bool = False

    def suits(self, mail: OutboxMessage, *, has_content: bool) -> bool:
        """Whether there is a point in offering it for this mail."""
        if mail.state not in self.states:
            return False
        return has_content or not self.needs_content or mail.state == State.QUEUED


_ALL: tuple[Verb, ...] = (
    Verb(
        name="retry",
        label=_("Try now"),
        apply=transitions.retry,
        states=frozenset(
            {State.QUEUED, State.FAILED, State.UNKNOWN, State.PARTIAL, State.EXPIRED}
        ),
        needs_content=True,
    ),
    Verb(
        name="hold",
        label=_("Hold"),
        apply=transitions.hold,
        states=frozenset({State.QUEUED}),
    ),
    Verb(
        name="release",
        label=_("Release"),
        apply=transitions.unhold,
        states=frozenset({State.HELD}),
    ),
    Verb(
        name="cancel",
        label=_("Cancel sending"),
        apply=transitions.cancel,
        states=frozenset({State.QUEUED, State.HELD}),
        question=_("They will not be sent. Those that were sent meanwhile stay sent."),
    ),
    Verb(
        name="mark_sent",
        label=_("Mark as sent"),
        apply=transitions.mark_sent,
        states=frozenset(set(State) - {State.SENDING, State.SENT}),
        question=_("They will count as sent and not be tried again."),
    ),
    Verb(
        name="requeue",
        label=_("Send once more"),
        apply=transitions.requeue,
        states=frozenset(FINAL),
        question=_(
            "They will be sent to all of their recipients, also to those who have them already."
        ),
        needs_content=True,
    ),
)
VERBS: Mapping[str, Verb] = {verb.name: verb for verb in _ALL}
