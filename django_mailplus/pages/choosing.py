"""Choices of a page that stand in its address: they work without JavaScript, and can be passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.http import HttpRequest

__all__ = ["Choice", "choose"]


class Choice(NamedTuple):
    """A link to the same page, in which one thing is otherwise."""

    title: str
    url: str
    is_chosen: bool


def choose(
    request: HttpRequest, name: str, titles: Mapping[str, str], *, usual: str = ""
) -> tuple[str, list[Choice]]:
    """The value that the address gives `name`, and a link to each; `titles` has them all.

    Where it gives none of them it is the `usual` one; if that is none either, the first.
    """
    chosen = next(
        value
        for value in (request.GET.get(name), usual, *titles)
        if value is not None and value in titles
    )
    links = []
    for value, title in titles.items():
        query = request.GET.copy()
        query[name] = value
        links.append(Choice(title, f"?{query.urlencode()}", value == chosen))
    return chosen, links
