"""Links and names with django.contrib.sites: see tests/test_elsewhere.py."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core import mail
from django.core.exceptions import ImproperlyConfigured

from django_mailplus.pages.links import base_url
from django_mailplus.verification import send_verification_email

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


def test_a_site_that_is_not_there_is_no_error(user, rf, settings):
    settings.SITE_ID = 404
    assert base_url(rf.get("/")) == "http://testserver"
    send_verification_email(user, base_url="https://shop.example.com")
    assert mail.outbox[0].subject == "Confirm your email address for shop.example.com"
    with pytest.raises(ImproperlyConfigured, match="no Site of this project"):
        base_url()
