"""Wrappers and routers behind an outbox: connections stay busy, and results find home."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from misbehaving_server import CLOSE, MisbehavingServer
from outbox.mailing import send, states

from django_mailplus.backends import breakers
from django_mailplus.outbox.models import Attempt, MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker
from django_mailplus.smtp.registry import close_all

SMTP = "django_mailplus.backends.smtp.EmailBackend"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def servers(with_mailers):
    with ExitStack() as stack:
        servers = [stack.enter_context(MisbehavingServer()) for _ in range(2)]
        options = [{"host": s.host, "port": s.port, "timeout": 5} for s in servers]
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "stamp", "dispatch": "worker"},
                },
                "stamp": {
                    "BACKEND": "example_backends.Stamp",
                    "OPTIONS": {"using": "failover"},
                },
                "failover": {
                    "BACKEND": "django_mailplus.backends.failover.EmailBackend",
                    "OPTIONS": {"using": ["one", "two"]},
                },
                "one": {"BACKEND": SMTP, "OPTIONS": options[0]},
                "two": {"BACKEND": SMTP, "OPTIONS": options[1]},
            }
        )
        yield servers
        breakers.forget_breakers()
        close_all()


def drain():
    Worker(["stamp"]).run(drain=True)


def test_mails_go_through_all_of_them(servers):
    send(*(f"n{n}" for n in range(40)))
    drain()
    assert states() == ["sent"] * 40
    one, two = servers
    assert len(one.taken) == 40
    assert all(b"Subject: stamped: n" in taken.content for taken in one.taken)
    assert two.connections == 0
    # Over a few connections that stay open, not one for each mail.
    assert one.connections <= 6
    assert Attempt.objects.filter(outcome="accepted", code=250).count() == 40


def test_a_mailer_that_is_down_costs_no_mail_and_no_pause(servers):
    servers[0].plan(banner="421 4.3.2 not now")
    send(*(f"n{n}" for n in range(20)))
    drain()
    assert states() == ["sent"] * 20
    assert len(servers[1].taken) == 20
    assert not MailerState.objects.filter(paused_until__isnull=False).exists()


def test_when_all_are_down_the_outbox_rests(servers):
    for server in servers:
        server.plan(banner="421 4.3.2 not now")
    send("a", "b")
    Worker(["stamp"]).run(once=True)
    assert states() == ["queued"] * 2
    assert MailerState.objects.get().failures == 1
    assert {m.attempts for m in OutboxMessage.objects.all()} == {0}


def test_what_may_have_left_is_told_as_that(servers):
    servers[0].plan(content=CLOSE)
    send("a")
    Worker(["stamp"]).run(once=True)
    assert servers[1].taken == []
    assert Attempt.objects.get().outcome == "unknown"


def test_behind_an_outbox_the_team_gets_a_redirected_mail_once(with_mailers):
    with MisbehavingServer() as server:
        server.plan(rcpt={"eve@example.org": "450 4.2.1 later", "": "250 ok"})
        with_mailers(
            {
                "default": {
                    "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                    "OPTIONS": {"using": "guard", "dispatch": "worker"},
                },
                "guard": {
                    "BACKEND": "django_mailplus.backends.redirect.EmailBackend",
                    "OPTIONS": {
                        "using": "one",
                        "to": "team@example.com",
                        "allow": "example.org",
                    },
                },
                "one": {
                    "BACKEND": SMTP,
                    "OPTIONS": {"host": server.host, "port": server.port},
                },
            }
        )
        people = ["bob@real.example", "eve@example.org"]
        EmailMessage("Hi", "Body", "ann@example.com", people).send()
        Worker(["guard"]).run(drain=True)
        assert [taken.recipients for taken in server.taken] == [["team@example.com"]]
        server.plan()
        OutboxMessage.objects.update(due_at=timezone.now())
        Worker(["guard"]).run(drain=True)
        assert [taken.recipients for taken in server.taken] == [["eve@example.org"]]
        assert states() == ["sent"]
        close_all()
