"""The table in the admin: to look at, to mail again, to take a proof back."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from verification_stage import make_user

from django_mailplus.verification import is_email_verified, verify_email_address
from django_mailplus.verification.models import EmailAddress

LIST = "/admin/mailplus/emailaddress/"


@pytest.fixture
def boss(client):
    boss = get_user_model().objects.create_superuser("boss", "boss@example.com", "x")
    client.force_login(boss)
    return client


@pytest.fixture
def rows(user):
    verify_email_address(user)
    pending = make_user("pending", "pending@example.com")
    EmailAddress.of(pending, pending.email).save()
    former = EmailAddress.of(pending, "former@example.com")
    former.save()
    return {row.email.split("@")[0]: row for row in EmailAddress.objects.all()}


def act(client, action, *rows):
    fields = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = client.post(LIST, fields, follow=True)
    return [str(message) for message in page.context["messages"]]


def test_the_list(boss, rows):
    text = boss.get(LIST).content.decode()
    for row in rows.values():
        assert row.email in text
    assert boss.get(f"{LIST}?q=former").context["cl"].result_count == 1
    verified = boss.get(f"{LIST}?verified_at__isempty=0")
    assert verified.context["cl"].result_count == 1


def test_nothing_is_ticked_or_typed(boss, rows):
    assert boss.get(f"{LIST}add/").status_code == 403
    path = reverse("admin:mailplus_emailaddress_change", args=[rows["pending"].pk])
    text = boss.get(path).content.decode()
    assert 'name="verified_at' not in text
    assert rows["pending"].nonce not in text
    boss.post(path, {"verified_at": "2026-01-01", "email": "x@example.com"})
    row = EmailAddress.objects.get(pk=rows["pending"].pk)
    assert (row.verified_at, row.email) == (None, "pending@example.com")


def test_mail_again(boss, rows):
    messages = act(boss, "send_again", *rows.values())
    assert [message.to for message in mail.outbox] == [["pending@example.com"]]
    assert messages[0] == "1 mail was sent."
    assert messages[1].startswith("2 addresses were left out")
    again = act(boss, "send_again", rows["pending"])  # a moment later
    assert again[0].startswith("1 address was left out")


def test_take_a_proof_back(boss, rows, user):
    act(boss, "unverify", rows["ann"])
    assert not is_email_verified(user)


def test_looking_is_not_changing(client, rows):
    viewer = make_user("viewer", "viewer@example.com", is_staff=True)
    from django.contrib.auth.models import Permission

    viewer.user_permissions.add(Permission.objects.get(codename="view_emailaddress"))
    client.force_login(viewer)
    page = client.get(LIST)
    assert page.status_code == 200
    assert b"send_again" not in page.content
    client.post(LIST, {"action": "unverify", "_selected_action": [rows["ann"].pk]})
    assert is_email_verified(rows["ann"].user)
