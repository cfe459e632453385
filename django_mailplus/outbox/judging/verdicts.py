"""What a try comes to: from the answers of a server to the next state of a mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from django_mailplus.delivery import (
    DeliveryResult,
    RecipientResult,
    answer_lost,
    classify,
    code_in,
)
from django_mailplus.outbox.backoff import after_attempt
from django_mailplus.outbox.judging.explaining import (
    explain_failure,
    explain_trouble,
    is_unwritten,
)
from django_mailplus.outbox.judging.providers import ProviderNote
from django_mailplus.outbox.states import State

__all__ = ["Verdict", "judge"]

_TRIES_OF_THE_UNEXPLAINED = 3
_SETTLED = {"accepted": State.SENT, "suppressed": State.SUPPRESSED}
_TOO_MANY_RECIPIENTS = 552  # of a RCPT: temporary (RFC 5321 section 4.5.3.1.10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The next state of a mail; QUEUED is another try.

    `fates` are the states of recipients, once they are not all that of the whole mail. A try
    that never reached the mail server does not `count`, and says in `trouble` why the
    mailer should rest; then the mail goes `behind` the others, or keeps its place. `wait`
    is how long a try that counts waits for the next one, `left` how long there may be
    others, None where that is not known. It is `handed_over` unless it was kept back, or
    could not be made, before any server saw it. `notes` are what a provider calls it.
    """

    state: State
    outcome: str
    code: int | None = None
    enhanced: str = ""
    text: str = ""
    seconds: float = 0.0
    fates: Mapping[RecipientResult, State] | None = None
    counts: bool = True
    behind: bool = True
    trouble: str = ""
    wait: timedelta = timedelta()
    left: timedelta | None = None
    handed_over: bool = True
    notes: tuple[ProviderNote, ...] = ()


def judge(
    result: DeliveryResult | None,
    error: Exception | None,
    *,
    attempts: int,
    mailer: str = "",
    hold_unknown: bool = False,
    settled: Mapping[str, State] | None = None,
    left: timedelta | None = None,
    blamed: bool = False,
) -> Verdict:
    """The verdict on one try through a mailer.

    `result` is None from a backend that sets none; `attempts` counts this one; `settled`
    are recipients whose fate earlier tries have sealed; `left` is how long the mail may
    still be retried, None for ever. With `blamed` a failure that looks like the mailer's
    counts against the mail, since others leave: see `blaming`.
    """
    verdict = _judge(
        result,
        error,
        attempts=attempts,
        mailer=mailer,
        hold_unknown=hold_unknown,
        settled=settled or {},
        blamed=blamed,
    )
    if verdict.state != State.QUEUED:
        return verdict
    if not verdict.counts:
        return replace(verdict, left=left)
    wait = after_attempt(attempts, _code_to_wait_for(verdict))
    if left is None or wait <= left:
        return replace(verdict, wait=wait, left=left)
    return _given_up(verdict, settled or {})


def _code_to_wait_for(verdict: Verdict) -> int | None:
    """That of a recipient to be tried again; the mail's own may be of those who got it."""
    codes = [
        told.code
        for told, state in (verdict.fates or {}).items()
        if state == State.QUEUED and told.code is not None
    ]
    return min(codes, default=verdict.code)  # 450 and 451 wait longest


def _given_up(verdict: Verdict, settled: Mapping[str, State]) -> Verdict:
    """Without another try; of those whose answer was lost nobody knows."""
    if verdict.fates is None:
        state = _whole([_end(verdict.outcome), *settled.values()])
        return replace(verdict, state=state)
    fates = {
        told: _end(told.kind) if state == State.QUEUED else state
        for told, state in verdict.fates.items()
    }
    state = _whole([*fates.values(), *settled.values()])
    return replace(verdict, state=state, fates=fates)


def _end(kind: str) -> State:
    return State.UNKNOWN if kind == "unknown" else State.FAILED


def _judge(
    result: DeliveryResult | None,
    error: Exception | None,
    *,
    attempts: int,
    mailer: str,
    hold_unknown: bool,
    settled: Mapping[str, State],
    blamed: bool,
) -> Verdict:
    if error is not None and _is_mailers_fault(result, error):
        return Verdict(
            state=State.QUEUED,
            outcome="mailer",
            text=explain_failure(error, mailer, blamed=blamed),
            code=code_in(error),
            counts=blamed,
            trouble="" if blamed else explain_trouble(error, mailer),
        )
    if result is None:
        return _without_result(error, attempts, mailer, hold_unknown=hold_unknown)
    fates = {r: _fate(r, result, hold_unknown=hold_unknown) for r in result.recipients}
    outcome = _outcome(result)
    verdict = Verdict(
        state=_whole([*fates.values(), *settled.values()]),
        outcome=outcome,
        code=result.code,
        enhanced=result.enhanced,
        text=_text(result, error, mailer),
        seconds=result.seconds,
        handed_over=outcome != "suppressed" and not (error and is_unwritten(error)),
    )
    if settled or verdict.outcome == "partial":
        return replace(verdict, fates=fates)
    return verdict


def _whole(states: list[State]) -> State:
    """A mail waits for its last recipient; then it is what its recipients are.

    Whom it was kept back from on purpose does not count beside others who got it.
    """
    for state in (State.QUEUED, State.UNKNOWN):
        if state in states:
            return state
    kinds = set(states)
    if State.SENT in kinds:
        kinds.discard(State.SUPPRESSED)
    if len(kinds) == 1:
        return kinds.pop()
    return State.PARTIAL if State.SENT in kinds else State.FAILED


def _fate(
    recipient: RecipientResult, result: DeliveryResult, *, hold_unknown: bool
) -> State:
    if recipient.kind in _SETTLED:
        return _SETTLED[recipient.kind]
    if recipient.kind == "unknown":
        return State.UNKNOWN if hold_unknown else State.QUEUED
    too_many = recipient.code == _TOO_MANY_RECIPIENTS != result.code
    if recipient.kind == "permanent" and not too_many:
        return State.FAILED
    return State.QUEUED


def _outcome(result: DeliveryResult) -> str:
    kinds = {recipient.kind for recipient in result.recipients}
    return kinds.pop() if len(kinds) == 1 else "partial"


def _is_mailers_fault(result: DeliveryResult | None, error: Exception) -> bool:
    """Whether nothing was heard about this mail: then any other would have failed, too."""
    return classify(error) == "mailer" and not (result and _is_heard(result))


def _is_heard(result: DeliveryResult) -> bool:
    return any(recipient.code is not None for recipient in result.recipients)


def _text(result: DeliveryResult, error: Exception | None, mailer: str) -> str:
    """The words of the server, or why there are none."""
    if error is not None and not _is_heard(result):
        return explain_failure(error, mailer)
    return result.text or next((r.text for r in result.refused), "")


def _without_result(
    error: Exception | None, attempts: int, mailer: str, *, hold_unknown: bool
) -> Verdict:
    """For a backend that raises or does not."""
    if error is None:
        return Verdict(state=State.SENT, outcome="accepted")
    code = code_in(error)
    failed = Verdict(
        state=State.FAILED,
        outcome="permanent",
        code=code,
        text=explain_failure(error, mailer),
        handed_over=not is_unwritten(error),
    )
    retried = replace(failed, state=State.QUEUED, outcome="transient")
    fault = classify(error)
    if fault == "unknown" and hold_unknown:
        return replace(failed, state=State.UNKNOWN, outcome="unknown")
    if code is not None:
        return retried if code < 500 else failed
    if answer_lost(error):
        return replace(retried, outcome="unknown")
    if fault == "message":
        return failed
    return retried if attempts < _TRIES_OF_THE_UNEXPLAINED else failed
