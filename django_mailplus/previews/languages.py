"""The languages that the mails of a project are written in."""

from __future__ import annotations

from typing import Any

from django.conf import settings

__all__ = ["languages"]


def languages() -> list[str]:
    """Codes of LANGUAGES, the default first; that one alone where a project lists none."""
    default: str = settings.LANGUAGE_CODE
    listed: Any = settings
    if not settings.USE_I18N or not listed.is_overridden("LANGUAGES"):
        return [default]
    return list(dict.fromkeys([default, *(code for code, _ in settings.LANGUAGES)]))
