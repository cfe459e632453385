"""Counts, sizes and times in few words, in the English of commands and of pages for developers."""

from __future__ import annotations

__all__ = ["count_of", "duration", "size_of"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """About how long: `48 s`, `3 min`, `5 h`, `2 d`."""
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(int(seconds), 0)} s"


def count_of(number: int, thing: str, things: str = "") -> str:
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def size_of(octets: int) -> str:
    """`812 bytes`, `1.2 kB` (of 1,000), `3.4 MB`."""
    if octets < 1_000:
        return f"{octets} bytes"
    if octets < 1_000_000:
        return f"{octets / 1_000:.1f} kB"
    return f"{octets / 1_000_000:.1f} MB"
