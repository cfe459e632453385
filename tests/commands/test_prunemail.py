"""What is no longer needed goes, the rest stays."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from django_mailplus.outbox.models import OutboxMessage, Payload
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows import blobs, storing
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import suppress
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
    assert out.getvalue() == "1 sending allowances deleted.\n0 mails deleted.\n"
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
        assert out.getvalue() == "0 sending allowances deleted.\n0 mails deleted.\n"
    assert SendingAllowance.objects.filter(key="busy").exists()


def mail(state, *, days, key=None):
    message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])
    [stored] = storing.store([(message, OutboxOptions(idempotency_key=key))], "smtp")
    then = timezone.now() - timedelta(days=days)
    OutboxMessage.objects.filter(pk=stored.id).update(
        state=state, created_at=then, finalised_at=then
    )


@pytest.mark.django_db(transaction=True)
def test_files_of_mails_that_never_were_go(settings, tmp_path, monkeypatch):
    backend = "django.core.files.storage.FileSystemStorage"
    folder = {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "mailplus": folder}
    message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])
    message.attach("a.bin", b"1" * 1_500_000, "application/octet-stream")
    with transaction.atomic():
        storing.store([(message, OutboxOptions())], "smtp")
        transaction.set_rollback(True)
    monkeypatch.setattr(blobs, "_LONGEST_TRANSACTION", -1.0)
    assert prune() == [
        "0 mails deleted.",
        "1 files deleted whose mails were rolled back.",
    ]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def prune(*arguments):
    out = io.StringIO()
    call_command("prunemail", *arguments, stdout=out)
    return out.getvalue().splitlines()[1:]


@pytest.mark.django_db
def test_old_mails_go_and_a_dry_run_only_counts():
    mail("sent", days=31)
    mail("sent", days=31)
    mail("sent", days=29)
    mail("sent", days=31, key="order 7")
    mail("failed", days=91)
    mail("failed", days=31)
    mail("queued", days=400)
    counts = (
        "3 mails {} (2 sent, 1 failed).",
        ("1 mail {} but for the idempotency key (1 sent)."),
    )
    for _ in range(2):
        assert prune("--dry-run") == [
            counts[0].format("to delete"),
            counts[1].format("to empty"),
        ]
    assert OutboxMessage.objects.count() == 7
    assert prune() == [counts[0].format("deleted"), counts[1].format("emptied")]
    assert OutboxMessage.objects.count() == 4
    assert Payload.objects.count() == 3
    assert prune() == ["0 mails deleted."]


@pytest.mark.django_db
def test_silence_can_be_had():
    out = io.StringIO()
    call_command("prunemail", verbosity=0, stdout=out)
    assert out.getvalue() == ""


@pytest.mark.django_db
def test_what_has_expired_leaves_the_do_not_mail_list():
    for days in (-1, 1):
        moment = timezone.now() + timedelta(days=days)
        suppress(f"{days}@example.com", reason=Reason.MANUAL, expires_at=moment)
    for options, said in (
        ({"dry_run": True}, "1 entry of the do-not-mail list to delete: expired."),
        ({}, "1 entry of the do-not-mail list deleted: expired."),
    ):
        out = io.StringIO()
        call_command("prunemail", stdout=out, **options)
        assert said in out.getvalue()
    assert [row.address for row in Suppression.objects.all()] == ["1@example.com"]
