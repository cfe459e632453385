"""Caught mails for the tests of the inbox."""

from __future__ import annotations

from django.core.mail import EmailMultiAlternatives

from django_mailplus.compat import get_mailer
from django_mailplus.inbox.models import CaughtMail

__all__ = ["INBOX", "PNG", "letter", "put", "put_raw"]

INBOX = "django_mailplus.backends.inbox.EmailBackend"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d4944415478da63fccff0bf1e000685028052f3d5eb"
    "0000000049454e44ae426082"
)


def letter(
    subject="Hello", body="Dear Bob", html="", to=("bob@example.com",), **values
):
    message = EmailMultiAlternatives(
        subject, body, values.pop("sender", "Ann <ann@example.com>"), list(to), **values
    )
    if html:
        message.attach_alternative(html, "text/html")
    return message


def put(*args, **values):
    """A mail in the inbox, sent by the mailer that is the default one."""
    get_mailer("default").send_messages([letter(*args, **values)])
    return CaughtMail.objects.order_by("-pk")[0]


def put_raw(raw, *to):
    from django_mailplus.inbox.catching import Arrival, catch
    from django_mailplus.inbox.summary import recipients_over_smtp

    people = recipients_over_smtp(raw, to or ["bob@example.com"])
    [number] = catch([Arrival(raw=raw, recipients=people, source="smtp")])
    return CaughtMail.objects.get(pk=number)
