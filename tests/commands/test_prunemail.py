"""What is no longer needed goes, the rest stays."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_mailplus.verification.models import SendingAllowance


@pytest.mark.django_db
def test_allowances_of_another_day_go():
    now = timezone.now()
    for key, age in (("new", 1), ("old", 25)):
        then = now - timedelta(hours=age)
        SendingAllowance.objects.create(
            key=key, last_sent_at=then, window_started_at=then
        )
    out = io.StringIO()
    call_command("prunemail", stdout=out)
    assert out.getvalue() == "1 sending allowances deleted.\n"
    assert [row.key for row in SendingAllowance.objects.all()] == ["new"]


@pytest.mark.django_db
def test_twice_and_what_a_cooldown_still_needs():
    now = timezone.now()
    SendingAllowance.objects.create(
        key="busy", last_sent_at=now, window_started_at=now - timedelta(days=2)
    )
    for _ in range(2):
        out = io.StringIO()
        call_command("prunemail", stdout=out)
        assert out.getvalue() == "0 sending allowances deleted.\n"
    assert SendingAllowance.objects.filter(key="busy").exists()
