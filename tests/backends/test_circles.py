"""Mail that would go round for ever, over a mailer that does not say whom it hands it to."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.delivery import get_result
from django_mailplus.outbox.models import MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker

LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


def named(kind, **options):
    path = f"django_mailplus.backends.{kind}.EmailBackend"
    return {"BACKEND": path, "OPTIONS": options}


def hands_on(target):
    return {"BACKEND": "example_backends.HandsOn", "OPTIONS": {"target": target}}


def letter():
    return EmailMessage("Hi", "Body", "ann@example.com", ["bob@example.com"])


ALLOWED = {"allow": ["example.com"]}


@pytest.mark.parametrize(
    "default",
    [
        named("redirect", using="list", **ALLOWED),
        named("failover", using=["list", "spare"]),
        named("route", using=["list", "spare"], routes={"example.org": "spare"}),
    ],
    ids=["wrapper", "router", "router that names one"],
)
def test_it_ends_and_shows_the_way(with_mailers, default):
    with_mailers(
        {
            "default": default,
            "list": named("redirect", using="foreign", **ALLOWED),
            "foreign": hands_on("default"),
            "spare": LOCMEM,
        }
    )
    message = letter()
    with pytest.raises(InvalidMailer, match="circle: default -> list -> default"):
        get_mailer("default").send_messages([message])
    assert not mail.outbox
    result = get_result(message)
    assert result is None or not result.accepted
    assert not hasattr(message, "mailplus_way")


def test_a_message_may_be_sent_again_and_again(with_mailers):
    with_mailers({"default": named("redirect", using="end", **ALLOWED), "end": LOCMEM})
    message = letter()
    for _ in range(20):
        assert get_mailer("default").send_messages([message]) == 1


@pytest.mark.django_db(transaction=True)
def test_an_outbox_keeps_no_mail_that_comes_from_one(with_mailers):
    with_mailers(
        {
            "default": named("outbox", using="foreign", dispatch="worker"),
            "foreign": hands_on("default"),
        }
    )
    get_mailer("default").send_messages([letter()])
    for _ in range(3):
        MailerState.objects.all().delete()  # a pause is over
        Worker(["foreign"]).run(once=True)
    kept = OutboxMessage.objects.get()
    assert (kept.state, kept.attempts) == ("queued", 0)
    assert "comes from an outbox" in MailerState.objects.get().reason
