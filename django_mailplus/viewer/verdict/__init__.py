"""What a person who knows mail would say to one before it is sent, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from django_mailplus.viewer.mime import Parsed, parse
from django_mailplus.viewer.parsing import view
from django_mailplus.viewer.references import plain_id
from django_mailplus.viewer.tree import Part, mime_tree
from django_mailplus.viewer.verdict.checks import CHECKS, Mail
from django_mailplus.viewer.verdict.findings import Finding, Level, Verdict
from django_mailplus.viewer.verdict.reading import read_page
from django_mailplus.viewer.verdict.support import (
    FeatureUse,
    Support,
    support,
    support_of,
)

__all__ = [
    "FeatureUse",
    "Finding",
    "Level",
    "Support",
    "Verdict",
    "support",
    "verdict",
]

_MOST_PARTS = 1_000


def verdict(mail: bytes | Parsed) -> Verdict:
    """What is to be said of a message; nothing is fetched or looked up. Never raises.

    Of text and of HTML the first LONGEST_SHOWN bytes are read, and 1,000 parts.
    """
    parsed = parse(mail)
    seen = view(parsed, in_brief=True)
    page = None if seen.html is None else read_page(seen.html)
    found = None if page is None else support_of(page)
    parts = tuple(_all(mime_tree(parsed, most=_MOST_PARTS)))
    looked_at = Mail(
        size=parsed.size,
        view=seen,
        page=page,
        support=found,
        parts=parts,
        related=frozenset(_beside_a_page(parts)),
    )
    findings = tuple(finding for check in CHECKS for finding in check(looked_at))
    return Verdict(findings=findings, support=found)


def _all(tree: Part) -> Iterator[Part]:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += reversed(part.children)


def _beside_a_page(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if part.content_type == "multipart/related":
            for child in part.children:
                yield plain_id(child.content_id)
