"""The way of a test mail from mailer to mailer, as lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django_mailplus import chain
from django_mailplus.backends.tracing import Hop
from django_mailplus.delivery import Kind, classify
from django_mailplus.doctor import report

__all__ = ["lines"]

_OF_FAULT: dict[str, Kind] = {
    "mailer": "transient",
    "unknown": "unknown",
    "message": "permanent",
    "recipient": "permanent",
}


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
        return _kinds(hop)
    if hop.error is not None:
        return _kind_of(hop.error)
    if hop.alias is not None and chain.kind_of(hop.alias) == "store":
        return stored
    if asked := [inner for inner in hop.within if not inner.passed_over]:
        return _outcome(asked[-1], stored)
    return "nothing sent" if hop.count == 0 else "accepted"


def _kinds(hop: Hop) -> str:
    counts = Counter(r.kind for result in hop.results for r in result.recipients)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _kind_of(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    if isinstance(code, int) and code // 100 == 5:
        return "permanent"
    return _OF_FAULT[classify(error)]


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
