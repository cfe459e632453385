"""From mailer to mailer: where a message goes, and where it goes next if one cannot take it.

What a mailer said of the message itself is final: another one would say the same, or
send it twice.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from django.core.mail import EmailMessage

from django_mailplus.backends.answers import UntriedError, is_unable, said
from django_mailplus.backends.breakers import Breaker
from django_mailplus.backends.declaring import mistakes_of_cache
from django_mailplus.backends.results import carry_result
from django_mailplus.backends.tracing import pass_over
from django_mailplus.chain import refuse_return
from django_mailplus.delivery import DeliveryResult, classify, set_result, unsent
from django_mailplus.exceptions import NoMailerError
from django_mailplus.message.copying import copy_message, freeze
from django_mailplus.message.envelope import envelope_of
from django_mailplus.outbox.judging.providers import known_result
from django_mailplus.outbox.sending.put_off import note_way, way_of
from django_mailplus.outbox.sending.streams import Outcome

__all__ = [
    "Fate",
    "Member",
    "Route",
    "RoutedStream",
    "Rules",
    "Sent",
    "mistakes",
]


_SLICE = 0.005  # seconds to listen to one mailer while several are at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is done where it is a matter of taste; `unknown` risks a second copy."""

    busy: Literal["next", "raise"] = "next"
    unknown: Literal["next", "raise"] = "raise"


@dataclass(frozen=True, slots=True)
class Route:
    """The mailers to ask, in this order; where there is one alone, its word is final.

    `partial` says that there are others, which are asked for other messages.
    """

    aliases: Sequence[str | None]
    breaker: Callable[[str | None], Breaker] | None = None
    rules: Rules = Rules()
    partial: bool = False


_CHOICES = {"on_busy": ("next", "raise"), "on_unknown": ("next", "raise")}


def mistakes(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the options of a router."""
    for name in ("retry_after", "max_retry_after"):
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            yield f"{name!r} is {value!r}; it takes seconds, more than 0."
    for name, choices in _CHOICES.items():
        value = options.get(name, choices[0])
        if value not in choices:
            yield f"{name!r} is {value!r}; it takes {' or '.join(map(repr, choices))}."
    yield from mistakes_of_cache(options.get("cache"))


Sent = tuple[EmailMessage, Exception | None, int]
"""An outcome, and how many messages that is, as a backend counts them."""


@dataclass(frozen=True, slots=True)
class Fate:
    message: EmailMessage
    error: Exception | None
    alias: str | None = None
    sent: int = 0  # how many messages that is, as a backend counts them


class Member(Protocol):
    """A mailer to which messages are given, and which tells later what became of them."""

    @property
    def window(self) -> int: ...
    def put(self, message: EmailMessage, before: Callable[[], None]) -> None: ...
    def get(self, timeout: float) -> Outcome | Sent | None: ...
    def recorded(self) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Journey:
    """One message on its way from mailer to mailer."""

    original: EmailMessage
    copied: EmailMessage
    route: Route
    before: Callable[[], None]
    waiting: deque[str | None]
    skipped: list[str | None] = field(default_factory=list)  # they rest
    resting: dict[str | None, float] = field(default_factory=dict)  # to the end
    at: str | None = None
    said: dict[str | None, Exception] = field(default_factory=dict)
    answer: tuple[Exception, DeliveryResult | None] | None = None  # about the message
    held_back: bool = False

    def leave(self) -> None:
        try:
            self.before()
        except BaseException:
            self.held_back = True
            raise

    def note_way(self, error: Exception) -> None:
        """Whether it says nothing of messages that go other ways, here or further on."""
        further = map(way_of, self.said.values())
        way = next((way for way in further if way is not None), None)
        if way is None and self.route.partial:
            way = tuple(self.route.aliases)
        if way is not None:
            note_way(error, way)

    def next(self) -> bool:
        """Go on to the next one that is in use; at last to who will be the soonest."""
        breaker = self.route.breaker
        while self.waiting:
            self.at = self.waiting.popleft()
            if breaker is None or breaker(self.at).admits():
                return True
            pass_over(
                self.at, f"it is down, for another {breaker(self.at).seconds:.0f} s"
            )
            self.skipped.append(self.at)
        if breaker is None or not self.skipped:
            return False
        waits = {alias: breaker(alias).seconds for alias in self.skipped}
        self.at = min(waits, key=lambda alias: waits[alias])
        self.skipped.clear()
        self.resting = {alias: s for alias, s in waits.items() if alias != self.at}
        return True


class RoutedStream:
    """Messages in, outcomes out, over several mailers; each is opened when it is needed."""

    def __init__(
        self,
        route: Callable[[EmailMessage], Route],
        open_member: Callable[[str | None], Member],
        *,
        name: str | None = None,
    ) -> None:
        self._route, self._open, self._name = route, open_member, name
        self._members: dict[str | None, Member] = {}
        self._under_way: dict[int, _Journey] = {}  # by the id() of the copy
        self._at: Counter[str | None] = Counter()
        self._finished: deque[Fate] = deque()

    window = 3
    """How many messages it can use before their outcomes are on record."""

    def put(
        self, message: EmailMessage, before: Callable[[], None] = lambda: None
    ) -> None:
        set_result(message, None)
        copied = copy_message(message)
        try:
            refuse_return(copied, self._name)
            route = self._route(copied)
        except Exception as error:
            self._finished.append(Fate(message, error))
            return
        if len(route.aliases) > 1:
            copied = freeze(copied)  # every try is of the same mail
        self._go_on(_Journey(message, copied, route, before, deque(route.aliases)))

    def fate(self, timeout: float) -> Fate | None:
        """The next outcome, in any order; None if there is none within the seconds."""
        until = time.monotonic() + timeout
        while not self._finished:
            heard = self._listen(max(0.0, until - time.monotonic()))
            if heard is None:
                return None
            self._conclude(*heard)
        return self._finished.popleft()

    def recorded(self) -> None:
        for member in self._members.values():
            member.recorded()

    def close(self) -> None:
        with ExitStack() as stack:  # one that fails keeps no other open
            for member in self._members.values():
                stack.callback(member.close)

    def _go_on(self, journey: _Journey) -> None:
        if not journey.next():
            self._give_up(journey)
            return
        try:
            member = self._member(journey.at)
        except Exception as error:  # a mistake in its settings, which nobody is to miss
            self._finish(journey, error)
            return
        # What the mailer before this one said is not said by this one.
        vars(journey.copied).pop("anymail_status", None)
        set_result(journey.copied, None)
        self._under_way[id(journey.copied)] = journey
        self._at[journey.at] += 1
        member.put(journey.copied, journey.leave)

    def _member(self, alias: str | None) -> Member:
        if alias not in self._members:
            self._members[alias] = self._open(alias)
            self.window = max(m.window for m in self._members.values())
        return self._members[alias]

    def _listen(self, timeout: float) -> Sent | None:
        until = time.monotonic() + timeout
        while busy := [alias for alias, count in self._at.items() if count]:
            alone = len(busy) == 1
            for alias in busy:
                left = until - time.monotonic()
                patience = max(0.0, left if alone else min(left, _SLICE))
                if (heard := self._members[alias].get(patience)) is not None:
                    message, error, *count = heard
                    return message, error, count[0] if count else error is None
            if time.monotonic() >= until:
                return None
        return None

    def _conclude(
        self, copied: EmailMessage, error: Exception | None, sent: int
    ) -> None:
        journey = self._under_way.pop(id(copied))
        self._at[journey.at] -= 1
        breaker = journey.route.breaker and journey.route.breaker(journey.at)
        if breaker and journey.held_back:
            breaker.release()
        elif breaker and _goes_on(journey, breaker, error):
            self._go_on(journey)
            return
        self._finish(journey, error, sent)

    def _give_up(self, journey: _Journey) -> None:
        """What was said about the message counts more than that nobody could be reached."""
        if journey.answer is not None:
            error, result = journey.answer
            set_result(journey.copied, result)
            self._finish(journey, error)
            return
        last = next(reversed(journey.said.values()), None)
        if last is not None and all(map(is_unable, journey.said.values())):
            self._finish(journey, last)
            return
        error = NoMailerError(self._name, journey.said, journey.resting)
        error.__cause__ = last
        if last is not None and is_unable(last):  # others may be able to, later
            addresses = envelope_of(journey.original).rcpt_to
            set_result(journey.copied, unsent(addresses, error))
        self._finish(journey, error)

    def _finish(
        self, journey: _Journey, error: Exception | None, sent: int = 0
    ) -> None:
        if error is not None:
            journey.note_way(error)
        carry_result(journey.copied, journey.original)
        self._finished.append(Fate(journey.original, error, journey.at, sent))


def _goes_on(journey: _Journey, breaker: Breaker, error: Exception | None) -> bool:
    """Note how the mailer is, and whether another one is to be asked."""
    result = known_result(journey.copied)
    rules = journey.route.rules
    match said(result, error):
        case "taken" | "refused":
            breaker.note_success()
            return False
        case "mistake" | "kept back":
            breaker.release()
            return False
        case "untried":
            breaker.release()
            if isinstance(error, UntriedError) and breaker.health == "closed":
                journey.waiting.append(journey.at)  # it may still work
            goes_on = True
        case "unable":
            breaker.release()
            goes_on = True
        case "down":
            breaker.note_down()
            goes_on = True
        case "busy":
            breaker.note_busy()
            goes_on = rules.busy == "next"
        case _:
            breaker.note_busy()
            goes_on = rules.unknown == "next"
    if goes_on and error is not None:
        journey.said[journey.at] = error
        if classify(error) != "mailer" and not is_unable(error):
            journey.answer = error, result
    return goes_on
