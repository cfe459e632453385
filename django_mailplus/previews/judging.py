"""What is told of a preview: faults of its templates, then what is told of any mail."""

from __future__ import annotations

from collections.abc import Iterator

from django_mailplus.figures import count_of
from django_mailplus.previews.cases import Shown
from django_mailplus.templated.inlining import refusal_of
from django_mailplus.templated.linting import blocks_shown_nowhere
from django_mailplus.viewer.verdict import verdict
from django_mailplus.viewer.verdict.findings import Finding

__all__ = ["faults", "findings"]

_TOLD = 10  # names, links or the like in one line


def findings(shown: Shown) -> tuple[Finding, ...]:
    """Of a mail that could be rendered."""
    return (*_of_templates(shown), *verdict(shown.raw).findings)


def faults(shown: Shown) -> Iterator[str]:
    """What keeps a preview from passing, each in a line: it raises, or readers would see it."""
    if shown.problem:
        yield shown.problem.line
        return
    for finding in findings(shown):
        if finding.level == "bad":
            told = "; ".join(finding.details[:_TOLD])
            yield f"{finding.label}: {finding.text}{f' ({told})' if told else ''}"


def _of_templates(shown: Shown) -> Iterator[Finding]:
    if shown.unknown:
        yield Finding(
            name="unknown-names",
            level="bad",
            label=count_of(len(shown.unknown), "unknown name"),
            text="A template shows what nothing gave it: readers see a hole there. Correct the "
            'name, pass it, or write |default:"" where it may be missing.',
            details=shown.unknown,
        )
    template = getattr(shown.message, "mailplus_origin", {}).get("template")
    if not template:
        return
    for content, kind in getattr(shown.message, "alternatives", ()):
        if kind == "text/html" and (refusal := refusal_of(str(content))):
            yield Finding(
                name="refused-style",
                level="bad",
                label="refused style",
                text=f"The CSS of {template} stays in <style>, which some mail programs do not "
                "read: css-inline cannot read a style in it, or in what it extends or "
                "includes. Correct it.",
                details=(refusal,),
            )
    for block in blocks_shown_nowhere(template):
        yield Finding(
            name="lost-block",
            level="bad",
            label="lost block",
            text=f"The block {block!r} of {template} is shown nowhere: nothing that the file "
            "extends has a block of that name.",
        )
