"""What is told of a mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from django_mailplus.viewer.verdict.support import Support

__all__ = ["Finding", "Level", "Verdict"]

Level: TypeAlias = Literal["good", "hint", "bad"]
_ORDER: tuple[Level, ...] = ("bad", "hint", "good")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """Of the check: the same in every version."""

    level: Level
    label: str
    """A few words for a strip, such as "HTML 96 %"."""

    text: str
    """A sentence or two: what is so, and what to do about it."""

    details: tuple[str, ...] = ()
    """What it is about, such as the links; from the mail, but free of control characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    findings: tuple[Finding, ...]
    support: Support | None
    """None for a mail without HTML."""

    @property
    def level(self) -> Level:
        """That of the worst finding."""
        levels = {finding.level for finding in self.findings}
        return next((level for level in _ORDER if level in levels), "good")
