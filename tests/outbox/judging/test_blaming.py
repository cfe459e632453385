"""One mail that a mailer cannot bear, and a mailer that is down: they look alike at first."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from outbox.mailing import send, states

from django_mailplus.outbox.judging import blaming
from django_mailplus.outbox.judging.blaming import Blame, tick
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import Attempt, MailerState, OutboxMessage
from django_mailplus.outbox.sending.worker import Worker


class ProviderError(Exception):
    status_code = 403


class Provider(BaseEmailBackend):
    """Answers with HTTP 403 to a poisonous mail, and to each while it is down."""

    is_down = False

    def send_messages(self, email_messages):
        for message in email_messages:
            if self.is_down or message.subject == "poison":
                raise ProviderError
        return len(email_messages)


@pytest.fixture
def _provider(with_mailers, monkeypatch):
    monkeypatch.setattr(Provider, "is_down", False)
    monkeypatch.setattr(blaming, "_of_mailers", {})
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {
                    "using": "provider",
                    "dispatch": "worker",
                    "concurrency": 1,
                },
            },
            "provider": {"BACKEND": f"{__name__}.Provider"},
        }
    )


def drain():
    Worker(["provider"]).run(drain=True)


def end_pause():
    MailerState.objects.update(paused_until=None)


def make_due():
    OutboxMessage.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def poison():
    return OutboxMessage.objects.get(subject="poison")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_provider")
class TestLanes:
    def test_a_mail_that_others_pass_by_loses_its_tries_and_pauses_nobody(self):
        send("poison", "a")
        drain()
        assert pausing.look("provider").paused
        assert poison().attempts == 0
        end_pause()
        send("b", "c")
        make_due()
        OutboxMessage.objects.filter(subject="poison").update(due_at=timezone.now())
        drain()
        assert states() == ["queued", "sent", "sent", "sent"]
        assert poison().attempts == 1
        assert poison().due_at > timezone.now() + timedelta(seconds=10)
        assert not pausing.look("provider").paused
        # And again, though nothing else was sent meanwhile.
        make_due()
        drain()
        assert poison().attempts == 2
        assert not pausing.look("provider").paused
        OutboxMessage.objects.update(give_up_at=timezone.now() - timedelta(seconds=2))
        make_due()
        drain()
        assert poison().state == "failed"
        outcomes = Attempt.objects.filter(mail=poison()).values_list("outcome")
        assert set(outcomes) == {("mailer",)}

    def test_a_mailer_that_is_down_takes_no_try_from_any_mail(self):
        Provider.is_down = True
        send("a", "b", "c")
        for _ in range(6):
            drain()
            assert pausing.look("provider").paused
            end_pause()
            make_due()
        assert set(OutboxMessage.objects.values_list("state", "attempts")) == {
            ("queued", 0)
        }
        Provider.is_down = False
        drain()
        assert states() == ["sent"] * 3

    def test_a_mailer_that_goes_down_takes_no_try_from_those_that_failed_before(self):
        send("poison")
        drain()
        end_pause()
        send("a")
        OutboxMessage.objects.filter(subject="a").update(
            due_at=timezone.now() - timedelta(hours=1)
        )
        drain()
        assert poison().attempts == 1
        Provider.is_down = True
        send("b")
        drain()  # fails: now it is the mailer
        for _ in range(3):
            end_pause()
            make_due()
            drain()
        assert poison().attempts == 1
        assert pausing.look("provider").paused


def test_one_success_that_had_left_before_is_no_proof_and_two_are():
    """It may have been taken just before the server went down."""
    blame, mail, other = Blame(), uuid.uuid4(), uuid.uuid4()
    early = tick()
    assert not blame.is_on(mail)
    blame.note_success(other, early)
    assert not blame.is_on(mail)
    blame.note_success(other, early)
    assert blame.is_on(mail)
    assert blame.is_on(mail)


def test_its_own_success_acquits():
    blame, mail = Blame(), uuid.uuid4()
    assert not blame.is_on(mail)
    blame.note_success(mail, tick())
    assert not blame.is_on(mail)


def test_a_failure_of_another_mail_is_the_mailers_again():
    blame, mail, other = Blame(), uuid.uuid4(), uuid.uuid4()
    assert not blame.is_on(mail)
    blame.note_success(other, tick())
    assert not blame.is_on(uuid.uuid4())
    assert not blame.is_on(mail)


def test_it_remembers_so_many_and_no_more():
    blame = Blame()
    for _ in range(5_000):
        assert not blame.is_on(uuid.uuid4())
    assert len(blame._suspects) <= 1_000
