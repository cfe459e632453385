"""Mails from templates: one file with blocks, or the files that a project has already."""

from __future__ import annotations

from django_mailplus.templated.mails import Mail
from django_mailplus.templated.message import TemplatedEmail, render_mail

__all__ = ["Mail", "TemplatedEmail", "render_mail"]
