"""One message in several parts, each to some of its recipients, and one outcome for all."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from django.core.mail import EmailMessage

from django_mailplus.backends.results import carry_result
from django_mailplus.backends.routing import (
    Fate,
    Member,
    Route,
    RoutedStream,
)
from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    classify,
    get_result,
    recipients_in,
    set_result,
    unsent,
)
from django_mailplus.message.copying import copy_message, freeze
from django_mailplus.message.envelope import envelope_of
from django_mailplus.message.narrowing import narrow
from django_mailplus.message.redirecting import tamed
from django_mailplus.outbox.sending.streams import Outcome

__all__ = ["SplitStream"]

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Whole:
    original: EmailMessage
    before: Callable[[], None]
    parts: list[_Part] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Part:
    message: EmailMessage
    whole: _Whole
    fate: Fate | None = None
    held_back: bool = False

    def leave(self) -> None:
        self.held_back = True
        self.whole.before()
        self.held_back = False


class SplitStream:
    """A `RoutedStream` in which the groups that `split` gives go apart.

    All parts have the same Message-ID, and To and Cc as they were written. As with a
    server that takes some recipients only, the message is sent if anybody's was taken.
    """

    def __init__(
        self,
        route: Callable[[EmailMessage], Route],
        open_member: Callable[[str | None], Member],
        *,
        split: Callable[[EmailMessage], Sequence[Collection[str]]],
        name: str | None = None,
    ) -> None:
        self._inner = RoutedStream(route, open_member, name=name)
        self._split, self._name = split, name
        self._parts: dict[int, _Part] = {}  # by the id() of the message in it
        self._finished: deque[Fate] = deque()

    @property
    def window(self) -> int:
        return self._inner.window

    def put(
        self, message: EmailMessage, before: Callable[[], None] = lambda: None
    ) -> None:
        set_result(message, None)
        try:
            groups = self._split(copy_message(message))
            messages = _apart(message, groups) if len(groups) > 1 else []
        except Exception as error:
            self._finished.append(Fate(message, error))
            return
        if not messages:
            self._inner.put(message, before)
            return
        whole = _Whole(message, before)
        whole.parts += [_Part(each, whole) for each in messages]
        for part in whole.parts:
            self._parts[id(part.message)] = part
            self._inner.put(part.message, part.leave)

    def get(self, timeout: float) -> Outcome | None:
        """The next outcome, in any order; None if there is none within the seconds."""
        fate = self.fate(timeout)
        return None if fate is None else (fate.message, fate.error)

    def fate(self, timeout: float) -> Fate | None:
        """The same, with the mailer that had the last word."""
        until = time.monotonic() + timeout
        while not self._finished:
            fate = self._inner.fate(max(0.0, until - time.monotonic()))
            if fate is None:
                if timeout and self._parts:
                    # Who waits has all outcomes on record that were given; those of parts
                    # alone must not keep the other parts from leaving.
                    self._inner.recorded()
                return None
            part = self._parts.pop(id(fate.message), None)
            if part is None:
                return fate
            part.fate = fate
            if all(each.fate for each in part.whole.parts):
                self._finished.append(_together(part.whole, self._name))
        return self._finished.popleft()

    def recorded(self) -> None:
        self._inner.recorded()

    def close(self) -> None:
        self._inner.close()


def _apart(
    message: EmailMessage, groups: Sequence[Collection[str]]
) -> list[EmailMessage]:
    """A message for each group. A class with recipients() of its own becomes plain data."""
    frozen = freeze(tamed(copy_message(message)))
    everybody = set(envelope_of(frozen).rcpt_to)
    parts = []
    for group in groups:
        part = copy_message(frozen)
        narrow(part, without=everybody.difference(group))
        parts.append(part)
    return parts


def _together(whole: _Whole, name: str | None) -> Fate:
    fates = [part.fate for part in whole.parts if part.fate is not None]
    for part in whole.parts:  # and what a provider's API said
        carry_result(part.message, whole.original)
    sent = min(1, sum(fate.sent for fate in fates))
    failed = [pair for pair in zip(whole.parts, fates, strict=True) if pair[1].error]
    results = [get_result(part.message) for part in whole.parts]
    if not failed and not any(results):  # stored, or given to who tells nothing
        return Fate(whole.original, None, fates[0].alias, sent)
    merged = _merged(whole, fates, name)
    set_result(whole.original, merged)
    _, worst = min(failed, key=_weight, default=(None, fates[0]))
    if not merged.accepted:
        return replace(worst, message=whole.original, sent=0)
    for _, fate in failed:
        kind = type(fate.error).__name__
        logger.warning("Some recipients were not mailed by %s: %s", fate.alias, kind)
    return Fate(whole.original, None, fates[0].alias, sent)


def _weight(failed: tuple[_Part, Fate]) -> int:
    """Which error counts the most: that after which something may have left."""
    part, fate = failed
    if part.held_back or fate.error is None:
        return 3
    return {"unknown": 0, "mailer": 2}.get(classify(fate.error), 1)


def _merged(whole: _Whole, fates: Sequence[Fate], name: str | None) -> DeliveryResult:
    """In the words of the part that fared worst, with everybody in the order written."""
    addresses = envelope_of(whole.original).rcpt_to
    results = [_told(part, fate) for part, fate in zip(whole.parts, fates, strict=True)]
    worst = next((result for result in results if result.refused), results[0])
    places = {address: number for number, address in enumerate(addresses)}
    told = [recipient for result in results for recipient in result.recipients]
    told.sort(key=lambda recipient: places.get(recipient.address, len(places)))
    return replace(
        worst,
        recipients=tuple(told),
        message_id=next((r.message_id for r in results if r.message_id), ""),
        mailer=name,
        seconds=max(result.seconds for result in results),
    )


def _told(part: _Part, fate: Fate) -> DeliveryResult:
    """What became of a part, in the words of its mailer where it set a result."""
    addresses = envelope_of(part.message).rcpt_to
    if part.held_back:
        return unsent(addresses, None)
    result = get_result(part.message)
    told = result.recipients if result else ()
    known = {recipient.address.casefold() for recipient in told}
    missing = [address for address in addresses if address.casefold() not in known]
    added: tuple[RecipientResult, ...]
    if fate.error is None:
        added = tuple(RecipientResult(address=a, kind="accepted") for a in missing)
    else:
        added = recipients_in(fate.error, missing)
    return replace(result or unsent((), fate.error), recipients=told + added)
