"""Addresses of the whole site: its own, and the pages that verify email addresses."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("verify/", include("django_mailplus.verification.urls")),
    path("", include("website.urls")),
]
