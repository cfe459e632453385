"""Sphinx configuration. Nothing is fetched from a network."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]

project = _project["name"]
version = release = _project["version"]
author = "The django-mailplus developers"
project_copyright = "2026, the django-mailplus developers"

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "django-mailplus"
exclude_patterns = ["_build"]


class _Words(dict[str, str]):
    """How the catalogue's placeholders read on a page that knows nobody's settings."""

    def __missing__(self, key: str) -> str:
        return f"`{key}`"


_WORDS = _Words(server="the server", actual_port="of the server")


def failures() -> str:
    """The failure catalogue as sections, in the order in which it is searched."""
    path = _ROOT / "django_mailplus" / "doctor" / "failures.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["failure"]
    return "\n\n".join(map(_failure, rows))


def _failure(row: dict[str, Any]) -> str:
    doubt = "" if row.get("confirmed", True) else " (reported, not reproduced)"
    title, cause, remedy = (
        row[field].format_map(_WORDS) for field in ("title", "cause", "remedy")
    )
    return (
        f"## {row['id']}\n\n**{title[0].upper()}{title[1:]}.**{doubt}\n\n"
        f"Cause: {cause}\n\nRemedy: {remedy}"
    )


def _insert_failures(app: object, docname: str, source: list[str]) -> None:
    if docname == "reference/errors":
        source[0] += f"\n{failures()}\n"


def setup(app: Any) -> None:
    app.connect("source-read", _insert_failures)
