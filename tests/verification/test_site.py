"""Links and names with django.contrib.sites: see test_elsewhere.py."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core import mail

from django_mailplus.verification import send_verification_email
from django_mailplus.verification.links import base_url

pytestmark = pytest.mark.skipif(
    not apps.is_installed("django.contrib.sites"), reason="no sites in this run"
)


def test_the_site_comes_before_the_request_and_after_the_settings(user, rf, settings):
    from django.contrib.sites.models import Site

    Site.objects.update(domain="site.example.com", name="The Site")
    Site.objects.clear_cache()
    settings.ALLOWED_HOSTS = ["*"]
    assert base_url(rf.get("/")) == "http://site.example.com"
    send_verification_email(user)  # without a request
    assert "https://site.example.com/verify/" in mail.outbox[0].body
    assert mail.outbox[0].subject == "Confirm your email address for The Site"
    settings.MAILPLUS = {"BASE_URL": "https://set.example.com"}
    assert base_url(rf.get("/")) == "https://set.example.com"
