"""sendtestemail through an outbox: the mail is queued, and what to do next."""

from __future__ import annotations

import shlex

import pytest
from commands.mailqueue_stage import run as mailqueue
from commands.sendtestemail_stage import Outcome, mailer
from commands.worker_stage import rows, states, tables_away
from django.core.management import call_command

from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db(transaction=True)
OUTBOX = "django_mailplus.backends.outbox.EmailBackend"


@pytest.fixture
def through(with_mailers, server):
    def through(dispatch, using="smtp", to=("a@example.com", "b@example.com")):
        options = {"using": using, "dispatch": dispatch}
        box = {"BACKEND": OUTBOX, "OPTIONS": options}
        with_mailers({"default": box, using: mailer(server)})
        return Outcome(*to)

    yield through
    close_all()


def test_it_was_queued_and_this_comes_next(through):
    outcome = through("worker")
    assert outcome.error is None
    [mail] = rows()
    for line in (
        "Result queued in the outbox; no mail server has seen it yet",
        f"Mail {mail.pk}",
        "Sender manage.py runmailworker; start one if none runs",
        f"Then manage.py mailqueue show {mail.pk} (what became of it)",
        "Or manage.py sendtestemail --using smtp a@example.com b@example.com (asks the "
        "mail server at once)",
    ):
        assert line in outcome.out
    assert states() == ["queued"]
    # What it names works.
    assert mailqueue("show", str(mail.pk))[0].endswith(str(mail.pk))
    assert "accepted" in Outcome("--using", "smtp", "a@example.com").out
    call_command("runmailworker", "--drain", verbosity=0)
    assert states() == ["sent"]


def test_what_comes_next_can_be_given_to_a_shell(through):
    to = "o'hara;ls@example.com"
    out = " ".join(through("worker", "my $HOME", [to]).out.split())
    command = out.partition("Or manage.py ")[2].partition(" (asks")[0]
    assert shlex.split(command) == ["sendtestemail", "--using", "my $HOME", to]


def test_one_that_was_sent_at_once_is_not_called_queued(through):
    outcome = through("inline")
    assert outcome.error is None
    assert "Result sent, by way of the outbox" in outcome.out
    assert "runmailworker" not in outcome.out


def test_one_that_failed_at_once_is_a_failure(through, server):
    server.replies["rcpt"] = "550 5.1.1 no such user"
    outcome = through("inline")
    assert "Result failed, by way of the outbox" in outcome.out
    assert outcome.failure == "default: the mail was not sent."


def test_before_migrate_the_remedy_is_to_run_it(through):
    with tables_away(OutboxMessage):
        outcome = through("worker")
    assert "Run 'manage.py migrate'." in outcome.failure


def test_a_mistyped_mailer_is_guessed(through):
    through("worker")
    assert "Did you mean 'smtp'?" in Outcome("--using", "smpt", "a@example.com").failure
