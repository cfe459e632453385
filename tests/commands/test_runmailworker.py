"""The worker's options, and that it says what is wrong before it begins."""

from __future__ import annotations

import io
import math
import threading

import pytest
from commands.worker_stage import mailers_for, rows, states, store
from django.core.management import CommandError, call_command
from django.db import connection
from misbehaving_server import MisbehavingServer

from django_mailplus.smtp.registry import close_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(with_mailers):
    with MisbehavingServer() as server:
        with_mailers(mailers_for(server, aliases=("smtp", "bulk"), timeout=5))
        yield server
    close_all()


def run(*arguments, **options):
    out = io.StringIO()
    call_command("runmailworker", *arguments, stdout=out, **options)
    return out.getvalue()


def test_drain_sends_what_is_due_and_ends(server):
    store(5)
    store(2, "bulk")
    store(1)
    rows().filter(subject="No 4").update(due_at="2999-01-01T00:00:00Z")
    said = run("--drain")
    assert sorted(states()) == ["queued"] + ["sent"] * 7
    first, last = said.splitlines()
    assert first[20:] == "Sending what is in the outbox through bulk, smtp."
    assert last.endswith(" s: 7 sent.")


def test_using_chooses_among_mailers(server):
    store(2)
    store(2, "bulk")
    run("--drain", "--using", "bulk")
    assert states(mailer="bulk") == ["sent"] * 2
    assert states(mailer="smtp") == ["queued"] * 2
    run("--drain", "--using", "bulk", "--using", "smtp", "--using", "smtp")
    assert states() == ["sent"] * 4


def test_max_messages_is_the_end_of_it(server):
    store(9)
    said = run("--max-messages", "4")
    assert states() == ["queued"] * 5 + ["sent"] * 4
    assert "4 sent, 5 due." in said


def test_once_is_one_look(server):
    store(3)
    run("--once")
    assert states() == ["sent"] * 3
    assert "0 sent." in run("--once")
    store(30)
    assert "3 sent, 27 due." in run("--once", "--concurrency", "1")


def test_what_stays_due_is_told_with_who_is_paused(server):
    server.replies["banner"] = "554 closed"
    store(3)
    assert "0 sent, 3 to be retried, 3 due, smtp paused." in run("--drain")


def test_what_was_kept_back_on_purpose_has_not_failed(server, with_mailers, settings):
    listed = {"BACKEND": "example_backends.Listed", "OPTIONS": {"using": "bulk"}}
    with_mailers({**settings.MAILERS, "smtp": listed})
    store(2)
    store(1, "bulk")
    last = run("--drain").splitlines()[-1]
    assert states(mailer="smtp") == ["suppressed"] * 2
    assert last.endswith(" s: 1 sent, 2 suppressed.")


def test_silence_can_be_had(server):
    store(1)
    assert run("--drain", verbosity=0) == ""


def test_it_runs_in_a_thread_that_gets_no_signals(server):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory has one connection")
    store(1)

    def drain():
        try:
            run("--drain")
        finally:
            connection.close()

    thread = threading.Thread(target=drain)
    thread.start()
    thread.join(60)
    assert states() == ["sent"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"concurrency": 0}, "--concurrency 0 would send nothing"),
        ({"concurrency": -2}, "--concurrency -2 would send nothing"),
        ({"max_messages": 0}, "--max-messages 0 would send nothing"),
        ({"poll": 0.0}, "--poll 0 is no time to wait"),
        ({"poll": -1.0}, "--poll -1 is no time to wait"),
        ({"poll": math.nan}, "--poll nan is no time"),
        ({"poll": math.inf}, "--poll inf is no time"),
        ({"health": True}, "--health reads a file"),
        ({"heartbeat": ""}, "--heartbeat: name a file"),
        ({"heartbeat": "/nowhere/x"}, "/nowhere/x cannot be written: No such file"),
        (
            {"using": ["smpt"]},
            "No outbox sends through 'smpt'. Did you mean 'smtp'? There are: 'bulk', 'smtp'.",
        ),
        (
            {"using": ["default"]},
            "'default' leads to an outbox: name what it sends through, 'smtp'.",
        ),
    ],
)
def test_nonsense_is_one_clear_line(server, arguments, complaint):
    with pytest.raises(CommandError) as raised:
        call_command("runmailworker", once=True, **arguments)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_once_and_drain_are_two_things():
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("runmailworker", "--once", "--drain")


def test_without_an_outbox_there_is_nothing_to_do(with_mailers):
    with_mailers(
        {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    )
    with pytest.raises(CommandError, match="No mailer is an outbox"):
        call_command("runmailworker")


def test_without_tables_it_says_what_to_run(server, monkeypatch):
    introspection = type(connection.introspection)
    monkeypatch.setattr(introspection, "table_names", lambda self, *args: [])
    with pytest.raises(
        CommandError,
        match=r"lacks tables of django_mailplus, .* Run 'manage\.py migrate'",
    ):
        call_command("runmailworker")


def test_a_project_with_email_settings_has_one_mailer(with_email_settings):
    with MisbehavingServer() as server:
        with_email_settings(
            EMAIL_BACKEND="django_mailplus.backends.outbox.EmailBackend",
            EMAIL_HOST=server.host,
            EMAIL_PORT=server.port,
        )
        store(2, "")
        said = run("--drain", skip_checks=True)
        assert states() == ["sent"] * 2
        assert said.splitlines()[0].endswith("Sending what is in the outbox.")
    close_all()


def test_it_says_at_the_start_which_mails_it_will_never_send(server, caplog):
    store(1, "old")
    run("--drain")
    [told] = [text for text in caplog.messages if "'old'" in text]
    assert "1 mail waits for the mailer 'old', through which no outbox sends" in told
