"""Templates that a test writes, in a folder of the project."""

from __future__ import annotations

import pytest


@pytest.fixture
def templates(tmp_path, settings):
    """Call it with a name and a content; the loaders see it at once."""
    folder = tmp_path / "templates"
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [str(folder)],
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request"]
            },
        }
    ]
    settings.MAILPLUS = {"BASE_URL": "https://shop.example.com"}

    def write(name: str, content: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    return write
