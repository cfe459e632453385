"""Any message, however broken or hostile: its parts, its links and codes, safe to show."""

from __future__ import annotations

from django_mailplus.viewer.cleaning import clean_line, clean_text
from django_mailplus.viewer.codes import codes_in
from django_mailplus.viewer.finding import Link, find_links
from django_mailplus.viewer.parsing import AttachmentView, MessageView, attached, view
from django_mailplus.viewer.purpose import links_in, main_link

__all__ = [
    "AttachmentView",
    "Link",
    "MessageView",
    "attached",
    "clean_line",
    "clean_text",
    "codes_in",
    "find_links",
    "links_in",
    "main_link",
    "view",
]
