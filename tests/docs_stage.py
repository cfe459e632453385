"""The code blocks of README and docs, and what a test does with each.

Every Python block follows a comment that says what the test does with it:
`<!-- test: settings [NAME=value ...] -->` a settings file that passes the checks,
`<!-- test: run -->` code that runs against a real mail server, block after block,
`<!-- test: template PATH -->` a template that the code of its page renders,
`<!-- test: file PATH -->` a file of the tutorial's project (`append` adds to it),
`<!-- test: tests -->` a file of tests for pytest, in the example project,
`<!-- test: shell OUTPUT -->` code for the shell of that project, at the end, and what it prints,
`<!-- test: skip REASON -->`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- test: (?P<how>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```",
    re.M | re.S,
)
PRELUDE = """
import django.core.mail as _mail
SECRET_KEY = "of the test alone"
DEFAULT_FROM_EMAIL = "shop@example.com"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django_mailplus",
]
MIDDLEWARE = ["django.contrib.auth.middleware.AuthenticationMiddleware"]
USE_TZ = True
ROOT_URLCONF = "block_urls"
"""
URLS = """
from django.urls import include, path
urlpatterns = [
    path("mail/", include("django_mailplus.suppression.urls")),
    path("mail/", include("django_mailplus.urls")),
]
"""
AFTERWORD = """
INSTALLED_APPS = [*dict.fromkeys(INSTALLED_APPS)]
if "MAILERS" in globals() and not hasattr(_mail, "mailers"):
    EMAIL_BACKEND = "django_mailplus.backends.default.EmailBackend"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    line: int
    language: str
    how: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            yield Block(
                page=page,
                line=text.count("\n", 0, match.start("language")) + 1,
                language=match["language"],
                how=match["how"] or "",
                code=textwrap.dedent(match["code"]),
            )


BLOCKS = list(_blocks())
PYTHON = [block for block in BLOCKS if block.language == "python"]


def of(kind: str) -> list[Block]:
    return [block for block in PYTHON if block.how.split(" ")[0] == kind]


def python(
    *arguments: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
