"""Proofs of another package, or of a field, taken over."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import CommandError, call_command
from verification_stage import make_user

from django_mailplus.verification import is_email_verified, unverify_email_address
from django_mailplus.verification.models import EmailAddress

pytestmark = pytest.mark.django_db
TESTS = Path(__file__).parents[1]
HAS_ALLAUTH = apps.is_installed("allauth.account")
with_allauth = pytest.mark.skipif(not HAS_ALLAUTH, reason="no allauth in this run")
without_allauth = pytest.mark.skipif(HAS_ALLAUTH, reason="allauth in this run")


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


@without_allauth
def test_allauth_that_is_not_there():
    with pytest.raises(
        CommandError, match=r"allauth\.account is not in INSTALLED_APPS"
    ):
        run("--allauth")


def test_a_source_must_be_named():
    with pytest.raises(CommandError, match="--allauth --field"):
        run()


def test_a_source_is_one():
    with pytest.raises(CommandError, match="not allowed with"):
        run("--allauth", "--field", "is_staff")


def test_a_field_that_says_nothing():
    with pytest.raises(CommandError, match=r"'username' is a CharField.*BooleanField"):
        run("--field", "username")


def test_whoever_is_not_active_is_left_alone():
    user = make_user("gone", "gone@example.com", is_staff=True, is_active=False)
    assert run("--field", "is_staff") == "1 inactive"
    user.refresh_from_db()
    assert not user.is_active
    assert not is_email_verified(user)


def test_more_users_than_one_read_brings():
    model = get_user_model()
    model.objects.bulk_create(
        model(
            username=f"u{n}",
            email=f"u{min(n, 2_090)}@example.com",  # the last ones share an address
            is_staff=n % 500 == 0 or n > 2_080,
        )
        for n in range(2_100)
    )
    assert run("--field", "is_staff") == "9 taken, 15 verified"


def test_a_dry_run_tells_what_a_run_would_do(people):
    make_user("twin", "STAFF@example.com", is_staff=True)
    make_user("gone", "gone@example.com", is_staff=True, is_active=False)
    assert "1 to take over" in run("--field", "is_staff", "--dry-run").split(", ")
    run("--field", "is_staff")
    assert "to take over" not in run("--field", "is_staff", "--dry-run")


# --- From allauth, in a run of its own that has a table like allauth's


@with_allauth
def test_from_allauth():
    from allauth.account.models import EmailAddress

    rows = [
        ("ann", "ann@example.com", "ANN@example.com", True),
        ("bob", "bob@example.com", "bob@example.com", False),
        ("cat", "cat@example.com", "former@example.com", True),
        ("dan", "ann@example.com", "ann@example.com", True),
    ]
    for name, email, proved, verified in rows:
        user = make_user(name, email)
        EmailAddress.objects.create(user=user, email=proved, verified=verified)
    users = get_user_model().objects.order_by("username")
    assert "to take over" in run("--allauth", "--dry-run")
    assert not any(is_email_verified(user) for user in users)
    assert run("--allauth") == "1 address changed, 1 taken, 1 verified"
    assert [is_email_verified(user) for user in users] == [True, False, False, False]
    assert run("--allauth") == "1 address changed, 1 already verified, 1 taken"
    assert mail.outbox == []


@without_allauth
def test_in_a_project_with_allauth():
    path = os.pathsep.join([str(TESTS / "stand_ins"), str(TESTS.parent)])
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "test_from_allauth", __file__]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=TESTS.parent,
        env={
            **os.environ,
            "MAILPLUS_TEST_APP": "allauth.account",
            "MAILPLUS_TEST_DATABASE": "",  # not that of this run, which it would drop
            "PYTHONPATH": path,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in finished.stdout, finished.stdout + finished.stderr


# --- What is known here is newer than what another source says


def test_an_address_that_changed_since_is_not_proved_by_a_second_run(people):
    run("--field", "is_staff")
    staff = people["staff"]
    staff.email = "other@example.com"
    staff.save()
    assert run("--field", "is_staff") == "1 left as they are, 1 without an address"
    assert not is_email_verified(staff)


def test_a_report_is_not_undone_by_a_second_run(people):
    run("--field", "is_staff")
    unverify_email_address(people["staff"])
    for arguments in (["--dry-run"], []):
        said = run("--field", "is_staff", *arguments)
        assert said == "1 left as they are, 1 without an address"
    assert not is_email_verified(people["staff"])


def test_what_is_not_taken_over_leaves_nothing_behind(people):
    make_user("twin", "STAFF@example.com", is_staff=True)
    run("--field", "is_staff")
    assert EmailAddress.objects.count() == 1
