"""What a failed test prints: a line for each thing that was there."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listed"]

_LINES = 20  # of a list; more would hide what matters


def listed(title: str, lines: Sequence[str]) -> str:
    """`title: nothing.`, or the title, how many there are, and a line for each."""
    if not lines:
        return f"{title}: nothing."
    shown = [f"  {line}" for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"  and {len(lines) - _LINES} more")
    return "\n".join((f"{title} ({len(lines)}):", *shown))
