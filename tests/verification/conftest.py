"""A user, a visitor's browser that insists on CSRF, and the mails that left."""

from __future__ import annotations

import pytest
from django.test import Client
from verification_stage import Visitor, make_user

from django_mailplus.verification import verify_email_address


@pytest.fixture(autouse=True)
def _database(db):
    """Every test here has one."""


@pytest.fixture
def user():
    return make_user()


@pytest.fixture
def visitor():
    return Visitor(Client(enforce_csrf_checks=True))


@pytest.fixture
def ann(user, visitor):
    """Whose address is proved, and whose browser the visitor's is."""
    verify_email_address(user)
    visitor.client.force_login(user)
    return user


@pytest.fixture
def no_throttle(settings):
    settings.MAILPLUS = {
        **getattr(settings, "MAILPLUS", {}),
        "VERIFICATION_RESEND_COOLDOWN": 0,
        "VERIFICATION_MAX_SENDS_PER_DAY": 1_000,
    }
