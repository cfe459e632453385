"""The one app of the example."""

from __future__ import annotations

from django.apps import AppConfig


class WebsiteConfig(AppConfig):
    name = "website"
