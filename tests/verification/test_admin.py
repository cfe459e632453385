"""The table in the admin: to look at, to mail again, to take a proof back."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from verification_stage import Visitor, make_user, newest_link, said

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


def test_staff_without_a_permission_see_nothing(client, rows):
    client.force_login(make_user("staff", "staff@example.com", is_staff=True))
    assert client.get(LIST).status_code == 403
    client.post(LIST, {"action": "unverify", "_selected_action": [rows["ann"].pk]})
    assert is_email_verified(rows["ann"].user)


def test_mail_again_in_the_language_of_the_reader(boss, rows):
    EmailAddress.objects.update(language="de")
    act(boss, "send_again", rows["pending"])
    assert "3 Tage" in said(mail.outbox[0])


def test_mail_again_to_whoever_reported_or_is_not_active(boss, rows):
    EmailAddress.objects.update(reported_at=timezone.now())
    assert act(boss, "send_again", rows["pending"])[0].startswith("1 address was left")
    EmailAddress.objects.update(reported_at=None)
    get_user_model().objects.filter(username="pending").update(is_active=False)
    assert act(boss, "send_again", rows["pending"])[0].startswith("1 address was left")
    assert mail.outbox == []


def test_a_mail_that_fails_is_told(boss, rows, with_mailers):
    smtp = {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 1},
    }
    with_mailers({"default": smtp})
    messages = act(boss, "send_again", rows["pending"])
    assert messages == ["1 mail could not be sent; the log says why."]


def test_mail_again_makes_nobody_log_in_as_the_user(boss, rows, settings):
    settings.MAILPLUS = {"VERIFICATION_LOGIN_ON_VERIFY": True}
    before = boss.session["_auth_user_id"]
    act(boss, "send_again", rows["pending"])
    Visitor(boss).press(newest_link())
    assert boss.session["_auth_user_id"] == before
