"""Addresses of the whole site: there is only the one app."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("website.urls"))]
