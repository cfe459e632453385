"""mailqueue for somebody who mistypes, names another thing, or does not know what comes next."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys

import pytest
from commands.mailqueue_stage import on_terminal, run
from commands.worker_stage import mailers_for, rows, store
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from scripted_server import ScriptedServer

from django_mailplus.outbox.actions.verbs import VERBS
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import Payload

pytestmark = pytest.mark.django_db
OUTBOX = "django_mailplus.backends.outbox.EmailBackend"


@pytest.fixture(autouse=True)
def _mailers(with_mailers):
    with ScriptedServer() as server:
        mailers = mailers_for(server, aliases=("smtp", "bulk"))
        mailers["both"] = {
            "BACKEND": "commands.sendtestemail_stage.Wrapper",
            "OPTIONS": {"using": ["default", "box1"]},
        }
        with_mailers(mailers)
        yield


# --- Mistyped ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "guess"),
    [
        ("lst", "list"),
        ("requeu ffff", "requeue"),
        ("list --limt 3", "--limit"),
        ("list --limt=3", "--limit"),
        ("list --state faild", "failed"),
        ("pause smtp --reasn x", "--reason"),
        ("pause smpt", "smtp"),
        ("resume bluk", "bulk"),
        ("pause defualt", "default"),
        ("list --verbositi 2", "--verbosity"),
    ],
)
def test_a_mistyped_word_is_guessed(arguments, guess):
    with pytest.raises(CommandError, match=rf"Did you mean '{guess}'\?"):
        run(*arguments.split())


def test_what_is_like_nothing_is_not_guessed():
    for arguments in (["xyzzy"], ["list", "--xyzzy"], ["pause", "xyzzy"]):
        with pytest.raises(CommandError) as raised:
            run(*arguments)
        assert "Did you mean" not in str(raised.value)


def test_options_of_other_commands_are_guessed_too():
    with pytest.raises(CommandError, match=r"Did you mean '--dry-run'\?"):
        call_command("prunemail", "--dry-rn")


@pytest.mark.parametrize(
    "arguments",
    [
        "list --mailer {}",
        "list --mailer smtp --mailer {} --json",
        *(f"{verb} --all --mailer {{}} --dry-run" for verb in VERBS),
        "move {} --to bulk",
    ],
)
def test_a_mailer_that_nothing_names_is_refused(arguments):
    """But one of earlier settings is known as long as there are mails for it."""
    [mail] = store(1)
    arguments = arguments.replace("mark_sent", "mark-sent")
    there = "There are: 'bulk', 'smtp'."
    for name, hint in (
        ("smpt", "Did you mean 'smtp'?"),
        (
            "default",
            "'default' leads to an outbox: name what it sends through, 'smtp'.",
        ),
    ):
        with pytest.raises(CommandError) as raised:
            run(*arguments.format(name).split())
        complaint = f"No outbox and no mail names {name!r}. {hint} {there}"
        assert str(raised.value) == complaint
    rows().filter(pk=mail.pk).update(mailer="former", state="failed")
    assert run(*arguments.format("former").split())
    with pytest.raises(CommandError, match=r"Did you mean 'former'\?"):
        run(*arguments.format("fromer").split())


# --- The outbox in place of its mailer -----------------------------------------------


def test_an_outbox_stands_for_the_mailer_behind_it():
    assert run("pause", "default") == [
        "smtp, the mailer behind 'default', is paused. What is on its way arrives; nothing "
        "more is sent until: manage.py mailqueue resume smtp"
    ]
    assert pausing.look("smtp").paused
    assert not pausing.look("default").paused
    assert run("resume", "default") == [
        "smtp, the mailer behind 'default', sends again."
    ]
    assert not pausing.look("smtp").paused


def test_all_outboxes_that_are_paused_with_it_are_told(with_mailers, settings):
    mailers = dict(settings.MAILERS)
    mailers["news"] = {"BACKEND": OUTBOX, "OPTIONS": {"using": "smtp"}}
    with_mailers(mailers)
    assert run("pause", "news")[0].startswith(
        "smtp, the mailer behind 'default' and 'news', is paused."
    )


def test_what_leads_to_two_outboxes_is_not_decided_for_them():
    with pytest.raises(
        CommandError, match="name what it sends through, 'smtp' and 'bulk'"
    ):
        run("pause", "both")
    assert not pausing.look("smtp").paused


# --- Options that all commands of Django have ----------------------------------------


def test_usual_options_may_stand_after_the_action():
    store(1)
    for option in ("--verbosity=2", "--no-color", "--traceback", "--skip-checks"):
        assert len(run("list", option)) == 2
    assert len(run("list", "-v", "2", "--settings", "settings", "--pythonpath=.")) == 2
    with pytest.raises(CommandError, match="can't be used together"):
        run("list", "--no-color", "--force-color")


def test_a_usual_option_before_the_action_is_not_forgotten(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        BaseCommand, "execute", lambda self, *args, **options: seen.update(options)
    )
    call_command("mailqueue", "-v", "3", "--traceback", "status", stdout=io.StringIO())
    assert (seen["verbosity"], seen["traceback"]) == (3, True)
    call_command("mailqueue", "-v", "3", "status", "-v", "0", stdout=io.StringIO())
    assert (seen["verbosity"], seen["traceback"]) == (0, False)


def test_a_settings_module_after_the_action():
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "django", "mailqueue", "status"),
            "--settings=settings",
        ],
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # It was read, and the database that it names has no tables.
    assert "Run 'manage.py migrate'." in done.stderr


# --- What comes next -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        ("failed", ["retry"]),
        ("partial", ["retry", "requeue"]),
        ("unknown", ["retry", "mark-sent"]),
        ("cancelled", ["requeue"]),
        ("held", ["release"]),
        ("sent", []),
        ("queued", []),
    ],
)
def test_the_next_step_is_told_on_a_terminal(state, verbs):
    [mail] = store(1)
    rows().update(state=state)
    steps = [
        line for line in on_terminal(120, "show", str(mail.pk)) if "manage.py" in line
    ]
    commands = [f"manage.py mailqueue {verb} {mail.pk}" for verb in verbs]
    assert [step.partition(": ")[2] for step in steps] == commands
    for command in commands:  # it is one that works
        rows().update(state=state)
        assert run(*command.split()[2:])[0].startswith("1 mail ")
    assert "manage.py" not in "\n".join(run("show", str(mail.pk)))


def test_no_step_is_told_that_leads_nowhere():
    [mail] = store(1)
    rows().update(state="failed")
    Payload.objects.all().delete()
    lines = on_terminal(120, "show", str(mail.pk))
    assert lines[-1] == "What it said has been erased: it cannot be sent again."


def test_a_mail_may_have_arrived_though_its_content_is_erased():
    [mail] = store(1)
    rows().update(state="unknown")
    Payload.objects.all().delete()
    erased, step = on_terminal(120, "show", str(mail.pk))[-2:]
    assert erased == "What it said has been erased: it cannot be sent again."
    command = f"manage.py mailqueue mark-sent {mail.pk}"
    assert step == f"If you know that it arrived: {command}"
    assert run(*command.split()[2:]) == ["1 mail marked as sent."]


def test_what_is_told_can_be_given_to_a_shell(with_mailers, settings):
    with_mailers(
        {
            **settings.MAILERS,
            "default": {"BACKEND": OUTBOX, "OPTIONS": {"using": "my $HOME"}},
            "my $HOME": settings.MAILERS["smtp"],
        }
    )
    [said] = run("pause", "default")
    *_, pause, name = shlex.split(said.rpartition("manage.py ")[2])
    assert (pause, name) == ("resume", "my $HOME")
    store(1, "it's old")
    [said] = [line for line in run("status") if "move" in line]
    assert shlex.split(said.rpartition("manage.py ")[2])[2] == "it's old"
