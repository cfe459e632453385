"""Proofs of another package, or of a field, taken over."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import CommandError, call_command
from verification_stage import make_user

from django_mailplus.verification import is_email_verified

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = io.StringIO()
    call_command("importverifiedemails", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def people():
    make_user("staff", "staff@example.com", is_staff=True)
    make_user("none", "", is_staff=True)
    make_user("customer", "customer@example.com")
    return {u.username: u for u in get_user_model().objects.all()}


def test_from_a_field(people):
    assert run("--field", "is_staff") == "1 verified, 1 without an address"
    assert is_email_verified(people["staff"])
    assert not is_email_verified(people["customer"])
    assert mail.outbox == []
    assert run("--field", "is_staff") == "1 already verified, 1 without an address"


def test_dry_run(people):
    assert (
        run("--field", "is_staff", "--dry-run")
        == "1 to take over, 1 without an address"
    )
    assert not is_email_verified(people["staff"])


def test_one_address_of_two_users(people):
    make_user("twin", "STAFF@example.com", is_staff=True)
    assert run("--field", "is_staff") == "1 taken, 1 verified, 1 without an address"


def test_nothing_to_do():
    assert run("--field", "is_staff") == "Nothing to take over."


def test_a_field_that_is_not_there():
    with pytest.raises(CommandError, match=r"no field 'verified'.*is_staff"):
        run("--field", "verified")


def test_allauth_that_is_not_there():
    with pytest.raises(
        CommandError, match=r"allauth\.account is not in INSTALLED_APPS"
    ):
        run("--allauth")


def test_a_source_must_be_named():
    with pytest.raises(CommandError, match="--allauth --field"):
        run()
