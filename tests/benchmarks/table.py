"""The outcome as people read it: a text table, or the same in Markdown for a page."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import django

__all__ = ["Line", "as_markdown", "as_text", "rate", "ratio", "write_between_markers"]

_MARKERS = ("<!-- speed -->", "<!-- /speed -->")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure. `times` is how much better than Django's backend: 2 x is half the time."""

    title: str
    times: str = ""
    spread: str = ""
    django: str = ""
    measured: str = ""
    note: str = ""


def rate(seconds: float) -> str:
    """Messages per second, with as many digits as mean something."""
    per_second = 1 / seconds
    return f"{per_second:,.0f}/s" if per_second >= 100 else f"{per_second:.3g}/s"


def ratio(value: float) -> str:
    return f"{value:.0f} x" if value >= 100 else f"{value:.3g} x"


def _headings(base: str) -> tuple[str, ...]:
    return ("", f"times {base}", "in the rounds", base, "measured", "")


def _versions() -> str:
    return (
        f"Django {django.get_version()}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}"
    )


def as_text(lines: Sequence[Line], command: str, base: str = "Django") -> str:
    rows = [_headings(base), *(astuple(line) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(
            cell.rjust(width) if 0 < index < 5 else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([f"{_versions()}: {command}", "", *table])


def as_markdown(lines: Sequence[Line], command: str, base: str = "Django") -> str:
    """With the versions and the command beside it: a figure without them is hearsay."""
    rows = [_headings(base), ("---", "--:", "--:", "--:", "--:", "---")]
    rows += [astuple(line) for line in lines]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n\n{_versions()}: `{command}`"


def write_between_markers(path: Path, text: str) -> None:
    """Put the text where the page has its two markers, in place of what is there."""
    page = path.read_text(encoding="utf-8")
    begin, end = _MARKERS
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{path} has no {begin} followed by {end}.")
    path.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")
