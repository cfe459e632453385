"""How many clients show a page as it was meant, after the data of caniemail.com."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from django_mailplus.viewer.verdict.reading import Page, read_page
from django_mailplus.viewer.verdict.rules import by_sight

__all__ = ["FeatureUse", "Support", "support", "support_of"]

_WORTH = {"y": 1.0, "a": 0.5, "n": 0.0}  # what is unknown counts for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureUse:
    """A feature that a page uses, and the clients that do not show it, or in part."""

    title: str
    unsupported: tuple[str, ...]
    partly: tuple[str, ...]
    url: str
    """Where the tests are told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    score: int
    """Per cent: of all pairs of a used feature and a client, those that work."""

    features: tuple[FeatureUse, ...]
    """Those that some client does not show in full, the worst first."""

    date: str
    """Of the data, such as "2026-05-13". Most tests are older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    date: str
    clients: tuple[str, ...]
    features: dict[str, tuple[str, str]]
    by_sight: dict[str, tuple[str, ...]]


@cache
def data() -> _Data:
    source = files("django_mailplus.viewer.verdict").joinpath("caniemail.json")
    found = json.loads(source.read_text(encoding="utf-8"))
    features = {
        name: (title, told) for name, (title, told) in found["features"].items()
    }
    return _Data(
        date=found["date"],
        clients=tuple(found["clients"]),
        features=features,
        by_sight=by_sight(features),
    )


def support(html: str) -> Support:
    """What a page uses, and who shows it. Never raises."""
    return support_of(read_page(html))


def support_of(page: Page) -> Support:
    known = data()
    used = {
        feature
        for seen in page.seen & known.by_sight.keys()
        for feature in known.by_sight[seen]
    }
    tests = [
        _WORTH[told]
        for feature in used
        for told in known.features[feature][1]
        if told in _WORTH
    ]
    # Rounded down: one that does not work everywhere is never 100.
    score = int(100 * sum(tests) / len(tests)) if tests else 100
    uses = [_use(feature) for feature in used]
    flawed = [use for use in uses if use.unsupported or use.partly]
    flawed.sort(key=lambda use: (-len(use.unsupported), -len(use.partly), use.title))
    return Support(score=score, features=tuple(flawed), date=known.date)


def _use(feature: str) -> FeatureUse:
    title, told = data().features[feature]
    clients = data().clients
    return FeatureUse(
        title=title,
        unsupported=tuple(
            c for c, works in zip(clients, told, strict=True) if works == "n"
        ),
        partly=tuple(c for c, works in zip(clients, told, strict=True) if works == "a"),
        url=f"https://www.caniemail.com/features/{feature}/",
    )
