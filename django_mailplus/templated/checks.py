"""Whether templated mails can be written as they are meant to be.

E080 colour that is none   W080 CSS stays where some mail programs do not read it
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured

from django_mailplus import conf
from django_mailplus.templated.colours import palette
from django_mailplus.templated.inlining import can_inline
from django_mailplus.templated.resolving import template_folders

__all__ = ["check_colour", "check_inlining"]


def check_colour() -> Iterator[CheckMessage]:
    try:
        palette(conf.setting("MAIL_ACCENT_COLOR"))
    except ImproperlyConfigured as error:
        problem, _, hint = str(error).partition(". ")
        yield Error(f"{problem}.", hint=hint, id="mailplus.E080")


def check_inlining() -> Iterator[CheckMessage]:
    """For a project whose mails use our layout or tags; with --deploy, for it is slow."""
    if can_inline() or not any(
        "mailplus" in path.read_text("utf-8", "replace") for path in _templates()
    ):
        return
    yield Warning(
        "css-inline is not installed: the CSS of templated mails stays in <style>, which "
        "some mail programs do not read.",
        hint='pip install "django-mailplus[html]"',
        id="mailplus.W080",
    )


def _templates() -> Iterator[Path]:
    """HTML in the folder mail/ of any template folder of the project."""
    for folder in template_folders():
        yield from (Path(folder) / "mail").glob("**/*.html")
