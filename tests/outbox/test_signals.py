"""What the signals of the outbox tell of a mail, and when."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from outbox.mailing import drain, mailers, message

from django_mailplus import mail
from django_mailplus.outbox.actions import transitions
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.signals import (
    outbox_failed,
    outbox_partly_refused,
    outbox_queued,
    outbox_sent,
    outbox_suppressed,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def told():
    """The signals of the outbox, by their names, with the state of the mail then."""
    told = []
    names = {
        "queued": outbox_queued,
        "sent": outbox_sent,
        "partly refused": outbox_partly_refused,
        "failed": outbox_failed,
        "suppressed": outbox_suppressed,
    }

    def listen(name):
        def receiver(*, mail, **kwargs):
            assert not transaction.get_connection().in_atomic_block
            told.append((name, mail.subject, mail.state))

        return receiver

    receivers = {name: listen(name) for name in names}
    for name, signal in names.items():
        signal.connect(receivers[name])
    yield told
    for name, signal in names.items():
        signal.disconnect(receivers[name])


def test_signals_tell_after_the_commit(with_mailers, server, told):
    with_mailers(mailers(server))
    with transaction.atomic():
        refused = EmailMessage("b", "Body", None, ["zed@example.com"])
        mail.mailers["default"].send_messages([message("a"), refused])
        assert told == []
    assert told == [("queued", "a", "queued"), ("queued", "b", "queued")]
    told.clear()
    server.replies["rcpt"] = {"zed@": "550 5.1.1 no", "": "250 ok"}
    drain()
    assert sorted(told) == [("failed", "b", "failed"), ("sent", "a", "sent")]


@pytest.mark.parametrize(
    ("kind", "reply"), [("Stamp", "Not sent"), ("Listed", "on the list since May")]
)
def test_what_a_mailer_keeps_back_is_suppressed_at_once(
    with_mailers, server, told, kind, reply
):
    wrapper = {"BACKEND": f"example_backends.{kind}", "OPTIONS": {"using": "smtp"}}
    with_mailers({**mailers(server, using="list"), "list": wrapper})
    mail.mailers["default"].send_messages([message("drop me")])
    told.clear()
    drain("list")
    kept = OutboxMessage.objects.get()
    assert (kept.state, kept.attempts, kept.text) == ("suppressed", 1, reply)
    assert kept.finalised_at is not None
    assert kept.tries.get().outcome == "suppressed"
    assert told == [("suppressed", "drop me", "suppressed")]
    assert server.messages == []
    assert transitions.retry(OutboxMessage.objects.all()) == 0
    assert transitions.requeue(OutboxMessage.objects.all()) == 1


def test_a_partly_refused_mail_is_told(with_mailers, server, told):
    with_mailers(mailers(server))
    server.replies["rcpt"] = {"carol@": "550 5.1.1 no", "": "250 ok"}
    mail.mailers["default"].send_messages([message("a")])
    drain()
    assert told[-1] == ("partly refused", "a", "partial")
    fates = OutboxMessage.objects.get().fates.values_list("address", "state")
    assert sorted(fates) == [
        ("bob@example.com", "sent"),
        ("carol@example.com", "failed"),
        ("dave@example.com", "sent"),
    ]
