"""The way of a test mail from mailer to mailer, as lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django_mailplus import chain
from django_mailplus.backends.tracing import Hop
from django_mailplus.delivery import RecipientResult, recipients_in
from django_mailplus.doctor import report

__all__ = ["lines", "origin"]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    kind: str
    outcome: str
    time: str
    remark: str


def lines(hops: Sequence[Hop], *, stored: str, hide: Sequence[str]) -> Iterator[str]:
    """One for each hop, those within it indented: mailer, kind, outcome, time, answer.

    `stored` is what an outbox on the way has made of the mail so far.
    """
    rows = [row for hop in hops for row in _rows(hop, 0, stored, hide)]
    widths = [
        max(map(len, column), default=0)
        for column in zip(*((r.name, r.kind, r.outcome, r.time) for r in rows))  # noqa: B905
    ]
    for r in rows:
        name, kind, outcome, time = widths
        yield (
            f"{r.name:<{name}}  {r.kind:<{kind}}  {r.outcome:<{outcome}}  "
            f"{r.time:>{time}}  {r.remark}"
        ).rstrip()


def origin(hops: Sequence[Hop], error: BaseException | None = None) -> Hop | None:
    """The innermost hop that an error, or what it came from, was raised at; without one,
    the first that sent nothing to some.
    """
    for hop in hops:
        if error is None and not _fell_short(hop):
            continue  # what failed within was made good
        if found := origin(hop.within, error):
            return found
        if hop.error is not None and (error is None or _is_behind(hop.error, error)):
            return hop
    return None


def _is_behind(cause: Exception, error: BaseException | None) -> bool:
    while error is not None and error is not cause:
        error = error.__cause__
    return error is cause


def _fell_short(hop: Hop) -> bool:
    return hop.error is not None or any(result.refused for result in hop.results)


def _rows(hop: Hop, depth: int, stored: str, hide: Sequence[str]) -> Iterator[_Row]:
    name = "smtp" if hop.alias is None else chain.label(hop.alias)
    yield _Row(
        name="  " * depth + report.one_line(name),
        kind="leaf" if hop.alias is None else chain.kind_of(hop.alias),
        outcome=_outcome(hop, stored),
        time="" if hop.passed_over else f"{hop.seconds * 1000:.0f} ms",
        remark=_remark(hop, hide),
    )
    for inner in hop.within:
        yield from _rows(inner, depth + 1, stored, hide)


def _outcome(hop: Hop, stored: str) -> str:
    """In the words of `delivery.Kind`, wherever recipients have an outcome."""
    if hop.passed_over:
        return "not asked"
    if hop.results:
        return _kinds(r for result in hop.results for r in result.recipients)
    if hop.error is not None:
        return _kinds(recipients_in(hop.error))
    if hop.alias is not None and chain.kind_of(hop.alias) == "store":
        return stored
    if asked := [inner for inner in hop.within if not inner.passed_over]:
        return _outcome(asked[-1], stored)
    return "nothing sent" if hop.count == 0 else "accepted"


def _kinds(recipients: Iterable[RecipientResult]) -> str:
    counts = Counter(recipient.kind for recipient in recipients)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _remark(hop: Hop, hide: Sequence[str]) -> str:
    """What it said itself: an answer that came from further on stands there."""
    if hop.passed_over:
        return hop.passed_over
    if hop.error is not None:
        passed_on = any(inner.error is hop.error for inner in hop.within)
        return "" if passed_on else report.error_text(hop.error, hide=hide)
    if hop.within:
        return ""
    if not hop.results:
        leaf = hop.alias is None or chain.kind_of(hop.alias) == "leaf"
        return "it says nothing of the recipients" if leaf and hop.count else ""
    refused = next((r for result in hop.results for r in result.refused), None)
    return report.answer(refused or hop.results[0], hide=hide)
