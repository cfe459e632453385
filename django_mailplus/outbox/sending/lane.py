"""One mailer's part of a worker: claims its mails, hands them over, records the outcomes.

At most `cap` mails were sent and are not recorded: so many may go out twice if the
process dies. All outcomes that came while a commit was under way go into the next one,
and so do the claims of the mails that take their places.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from django.core.mail import EmailMessage
from django.db import Error

from django_mailplus.compat import get_mailer
from django_mailplus.delivery import seconds_until_room
from django_mailplus.outbox.judging.blaming import blame_of, tick
from django_mailplus.outbox.judging.providers import known_result, provider_notes
from django_mailplus.outbox.judging.verdicts import Verdict, judge
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.mailers.configured import Sending
from django_mailplus.outbox.mailers.rates import DatabaseLimiter
from django_mailplus.outbox.rows import claims, recording
from django_mailplus.outbox.rows.claims import Claim
from django_mailplus.outbox.rows.exchange import exchange
from django_mailplus.outbox.rows.telling import tell_after_commit
from django_mailplus.outbox.sending.carried import Carried, LeaseOverError, clock
from django_mailplus.outbox.sending.put_off import PutOff, way_of
from django_mailplus.outbox.sending.rebuilding import not_rebuilt, rebuilt
from django_mailplus.outbox.sending.streams import Outcome, open_stream
from django_mailplus.outbox.states import State

__all__ = ["Lane"]

logger = logging.getLogger(__name__)

_MARGIN = 0.5  # of a lease: what is older is not begun any more
_ANSWER = 720.0  # seconds to wait for one; RFC 5321 section 4.5.3.2.6 has ten minutes
_WAIT_FOR_THE_UPDATED = 60.0  # seconds, with a mail that a newer version wrote
_STREAM_LASTS = 300.0  # seconds
_PATIENCE = 0.05  # seconds to wait for an outcome before looking at the table again
_LOOKS = 0.25  # seconds between two looks whether the mailer is paused
_LATE = 0.01  # seconds after the end of a pause or a wait, as the database sees it
_LOOKS_FOR_CLAIMS = 1.0  # seconds between two looks for those without an answer


_Told = tuple[Claim, Verdict]


class Lane:
    """`claimed` counts the mails it took and kept, `counts` what their tries came to."""

    def __init__(self, alias: str, sending: Sending, *, worker: str) -> None:
        self.alias = alias
        self.claimed = 0
        self.counts: Counter[State] = Counter()
        self._worker = worker
        self.lease = sending.lease
        self.patience = max(_ANSWER, self.lease)
        self._concurrency = sending.concurrency
        self._open_stream()
        self._limiter = DatabaseLimiter({alias: sending.rate}) if sending.rate else None
        self._backlog: deque[Carried] = deque()
        self._sending: dict[int, Carried] = {}  # by the id() of the message
        self._told: list[_Told] = []  # what became of mails, not yet recorded
        # Tokens of claims that may have been made, with `clock()` when they were asked for.
        self._unanswered: dict[str, float] = {}
        self._looked_for_them = -math.inf
        self._renewed = clock()
        self._condition, self._looked = pausing.Condition(), -math.inf
        self._blame = blame_of(alias)
        self._heard = False  # whether it answered to any mail that is told of
        self._dry = False  # nothing more was due, or the rate left no room
        self._full: tuple[float, str] | None = None  # seconds without room, and why
        self._full_until = -math.inf  # time.monotonic()
        self._put_off = PutOff()

    def _open_stream(self) -> None:
        make = partial(get_mailer, self.alias or None)
        self._stream = open_stream(make, self._concurrency)
        self._opened = time.monotonic()

    @property
    def under_way(self) -> int:
        return len(self._sending)

    def turn(self, *, room: int) -> bool:
        """Do what there is to do, claiming `room` mails at most; False for nothing.

        After an error of the database nothing is forgotten: the next turn writes it.
        """
        if self._is_worn and not self._sending:
            self._renew_stream()
        self._keep()
        room -= self._recover()
        for outcome in self._outcomes():
            self._judge(*outcome)
        if self._full is not None:
            self._rest_until_room(*self._full)
        if (limit := self._limit(room)) > 0:
            self._put_off.look()
        told = self._told
        self._dry = limit < 1
        if not told and limit < 1:
            self._begin()
            return self.is_waiting
        states, found = self._exchange(told, limit)
        self._told = []
        self._stream.recorded()
        self._dry |= found < limit
        self._count(told, states)
        try:
            self._rest_after_trouble(told)
            self._begin()
        finally:
            self._tell(states)
        return bool(told or found) or self.is_waiting

    def _exchange(
        self, told: list[_Told], limit: int
    ) -> tuple[dict[uuid.UUID, State], int]:
        """The states of those told of, and how many were claimed."""
        token, asked = claims.new_token(), clock()
        self._unanswered[token] = asked  # before: nobody knows what interrupts us
        try:
            states, found = exchange(
                told,
                mailer=self.alias,
                limit=limit,
                worker=self._worker,
                lease=self.lease,
                token=token,
                grant=self._limiter.take if self._limiter else None,
            )
        except Error:
            self._looked_for_them = -math.inf
            raise
        self._take_on(found, asked)
        del self._unanswered[token]
        return states, len(found)

    def _recover(self) -> int:
        """Take what was claimed when the database could not say so; how many mails.

        It may still be at it when its answer is lost: it is looked for as long as a lease.
        """
        now = time.monotonic()
        if not self._unanswered or now - self._looked_for_them < _LOOKS_FOR_CLAIMS:
            return 0
        found = claims.recover(
            list(self._unanswered), worker=self._worker, mailer=self.alias
        )
        self._looked_for_them = now
        for claim in found:
            self._take_on([claim], self._unanswered[claim.token])
        answered = {claim.token for claim in found}
        over = clock() - self.lease
        self._unanswered = {
            token: asked
            for token, asked in self._unanswered.items()
            if token not in answered and asked > over
        }
        return len(found)

    def _take_on(self, found: list[Claim], asked: float) -> None:
        """`asked` is when: an answer may take any time to be heard."""
        self._backlog += [Carried(mail, asked) for mail in found]
        self.claimed += len(found)

    def seconds_until_room(self) -> float:
        """When the rate allows another mail; inf where it is not what holds them up."""
        if (left := self._full_until - time.monotonic()) > 0:
            return left
        if self._condition.paused:
            return math.inf
        limiter, wait = self._limiter, self._put_off.seconds()
        if limiter is None or not limiter.is_short:
            return wait
        return min(wait, limiter.seconds_until_room())

    @property
    def _is_worn(self) -> bool:
        """Whether the stream is to be renewed as soon as nothing is under way."""
        return time.monotonic() - self._opened > _STREAM_LASTS

    @property
    def is_waiting(self) -> bool:
        """Whether something is under way, or what became of it is not yet recorded."""
        return bool(self._sending or self._told or self._backlog)

    def close(self) -> None:
        """Take leave of the mail server; what is still under way is not heard of."""
        self._stream.close()

    def abandon(self) -> None:
        """Give back what was not begun; of what is under way nobody will know."""
        self.give_back()
        self._tell(recording.record(self._told))

    def _renew_stream(self) -> None:
        """With as many connections as at first, and the mailer as it is set up now."""
        self._stream.close()
        self._open_stream()

    def give_back(self) -> None:
        """What was claimed and not begun; again, if it could not be written before."""
        self._looked_for_them = -math.inf
        self._recover()
        backlog = [claimed.mail for claimed in self._backlog]
        claims.release(backlog)
        self._backlog.clear()
        self.claimed -= len(backlog)

    def _limit(self, room: int) -> int:
        """How many mails may be claimed now."""
        if self._is_worn or any(verdict.trouble for _, verdict in self._told):
            return 0
        now = time.monotonic()
        if room > 0 and now - self._looked > _LOOKS:
            self._condition, self._looked = pausing.look(self.alias), now
        if self._condition.paused:
            return 0
        free = self._stream.window - len(self._sending) - len(self._backlog)
        return max(0, min(room, free))

    def _outcomes(self) -> list[Outcome]:
        """All that there are; waits a moment if there is nothing else to do."""
        found: list[Outcome] = []
        idle = self._dry or len(self._sending) >= self._stream.window
        patience = _PATIENCE if self._sending and idle and not self._told else 0
        while (outcome := self._stream.get(patience)) is not None:
            found.append(outcome)
            patience = 0
            if len(found) >= self._stream.window:
                break
        return found

    def _begin(self) -> None:
        """Hand over what was claimed, but none whose lease is old."""
        while self._backlog:
            message = self._ready(claimed := self._backlog[0])
            # Taken from it first: who is interrupted gives back nothing that is leaving.
            self._backlog.popleft()
            if message is not None:
                self._sending[id(message)] = claimed
                self._stream.put(message, partial(self._check, claimed))

    def _ready(self, claimed: Carried) -> EmailMessage | None:
        """The message; None if it does not leave, and what becomes of it is settled."""
        if claimed.wait is not None:
            self._let_go(claimed.mail, wait=claimed.wait)
            self._put_off.note(claimed.wait + _LATE)
            return None
        if self._is_old(claimed):
            self._let_go(claimed.mail)
            return None
        if (over := claimed.over()) is not None:
            self._told.append((claimed.mail, over))
            return None
        try:
            return rebuilt(claimed)
        except Error:
            raise  # of the database, which may be back at the next turn
        except Exception as error:
            if getattr(error, "newer", False):  # for a worker that is up to date
                self._let_go(claimed.mail, wait=_WAIT_FOR_THE_UPDATED)
            else:
                self._told.append((claimed.mail, not_rebuilt(claimed, error)))
        return None

    def _check(self, claimed: Carried) -> None:
        """Just before it leaves: a process may have been stopped for any time."""
        if self._is_old(claimed):
            raise LeaseOverError
        claimed.departed = tick()

    def _is_old(self, claimed: Carried) -> bool:
        return clock() - claimed.since > self.lease * _MARGIN

    def _let_go(self, mail: Claim, *, wait: float | None = None) -> None:
        claims.release([mail], wait=wait)
        self.claimed -= 1

    def _judge(self, message: EmailMessage, error: Exception | None) -> None:
        claimed = self._sending.pop(id(message))
        if isinstance(error, LeaseOverError):
            self._backlog.append(claimed)
            return
        if error is not None and (wait := seconds_until_room(error)) is not None:
            self._backlog.append(claimed)  # as if it had not been begun
            if (way := way_of(error)) is None:
                self._full = wait, str(error)
            else:
                claimed.wait = self._put_off.seconds_for(way, wait)
            return
        judged = partial(
            judge,
            known_result(message),
            error,
            attempts=claimed.mail.attempts,
            mailer=self.alias,
            hold_unknown=claimed.mail.hold_unknown,
            settled=claimed.settled,
            left=claimed.left,
        )
        verdict, mail = judged(), claimed.mail
        self._heard |= verdict.outcome != "mailer"
        if verdict.trouble and self._blame.is_on(mail.id):
            verdict = judged(blamed=True)
        elif verdict.trouble and self._condition.troubled:
            # Not this mail's doing: it keeps its place, and says for how long it waits.
            verdict = replace(verdict, behind=False)
        elif verdict.outcome in ("accepted", "partial"):
            self._blame.note_success(mail.id, claimed.departed)
        if notes := provider_notes(message):
            verdict = replace(verdict, notes=notes)
        self._told.append((mail, verdict))

    def _count(self, told: list[_Told], states: Mapping[uuid.UUID, State]) -> None:
        self.counts.update(verdict.state for _, verdict in told)
        if lost := len(told) - len(states):
            logger.warning("%d mails were another worker's by now", lost)

    def _tell(self, states: Mapping[uuid.UUID, State]) -> None:
        """Whoever listens, one after another, while leases are kept."""
        by_state: dict[State, list[uuid.UUID]] = {}
        for pk, state in states.items():
            by_state.setdefault(state, []).append(pk)
        by_state.pop(State.QUEUED, None)
        for state, ids in by_state.items():
            tell_after_commit(state, ids, between=self._keep)

    def _rest_after_trouble(self, told: list[_Told]) -> None:
        troubles = [verdict.trouble for _, verdict in told if verdict.trouble]
        if troubles:
            pausing.pause(self.alias, troubles[0])
            self._looked = -math.inf
            self._opened = -math.inf  # to be renewed: its connections may be gone
        elif self._condition.troubled and self._heard:
            pausing.note_success(self.alias)
            self._condition = pausing.Condition()
        self._heard = False

    def _rest_until_room(self, seconds: float, reason: str) -> None:
        """Behind the outbox a `ratelimit` says so: no server was asked, no try counts."""
        pausing.rest(self.alias, seconds, reason)
        self.give_back()
        self._full, self._looked = None, -math.inf
        self._full_until = time.monotonic() + seconds + _LATE

    def _keep(self) -> None:
        """Renew the leases every third of their time; not of what hangs for ever."""
        now = clock()
        if now - self._renewed < self.lease / 3:
            return
        self._renewed = now
        oldest = now - self.patience
        held = [*self._backlog, *self._sending.values()]
        kept = [claimed for claimed in held if claimed.claimed_at > oldest]
        if claims.renew([claimed.mail for claimed in kept], self.lease) == len(kept):
            for claimed in kept:  # none of them was taken from us
                claimed.since = now
        if len(kept) < len(held):
            logger.warning(
                "%d mails have had no answer for %d seconds",
                len(held) - len(kept),
                self.patience,
            )
