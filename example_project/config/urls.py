"""Addresses of the whole site: its own, the pages to which links in mails lead, and the inbox."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

urlpatterns = [
    path("verify/", include("django_mailplus.verification.urls")),
    path("mail/", include("django_mailplus.suppression.urls")),
    path(
        "mail/", include("django_mailplus.urls")
    ),  # with DEBUG, the mail that was caught
    path("", include("website.urls")),
]
if getattr(settings, "ANYMAIL", {}):  # with config.setups.provider
    urlpatterns.append(path("anymail/", include("anymail.urls")))
