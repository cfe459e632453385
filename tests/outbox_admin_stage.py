"""Mails in the outbox, and people who look at them in the admin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from django_mailplus.outbox.models import OutboxMessage, Recipient
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows.storing import store

LIST = "/admin/mailplus/outboxmessage/"
QUEUE = f"{LIST}queue/"

needs_admin = pytest.mark.skipif(
    not apps.is_installed("django.contrib.admin"), reason="no admin in this run"
)


def letter(
    subject="Hello", body="Dear Bob", html="", to=("bob@example.com",), **values
):
    message = EmailMultiAlternatives(
        subject, body, "ann@example.com", list(to), **values
    )
    if html:
        message.attach_alternative(html, "text/html")
    return message


def put(message=None, *, mailer="smtp", options=None, **columns):
    """A mail in the outbox, with columns as given; `options` are those of the mail."""
    options = OutboxOptions(**(options or {}))
    [stored] = store([(message or letter(), options)], mailer)
    if columns:
        OutboxMessage.objects.filter(pk=stored.id).update(**columns)
    return OutboxMessage.objects.get(pk=stored.id)


def put_finished(state, **columns):
    return put(state=state, finalised_at=timezone.now(), **columns)


def put_due_for(seconds, **columns):
    return put(due_at=timezone.now() - timedelta(seconds=seconds), **columns)


def refuse_one(mail, address, reply="550 5.1.1 no such user"):
    code, enhanced, text = reply.split(" ", 2)
    return Recipient.objects.create(
        mail=mail,
        address=address,
        state="failed",
        code=code,
        enhanced=enhanced,
        text=text,
    )


def somebody(client, *permissions, superuser=False):
    """Logs somebody in who has these permissions and no others."""
    user = get_user_model().objects.create_user(
        "somebody", "s@example.com", "x", is_staff=True, is_superuser=superuser
    )
    for codename in permissions:
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(user)
    return client


def page_of(mail, more="change"):
    return f"{LIST}{mail.pk}/{more}/"


def state(mail):
    return OutboxMessage.objects.values_list("state", flat=True).get(pk=mail.pk)


def told(response):
    return [str(message) for message in response.context["messages"]]
