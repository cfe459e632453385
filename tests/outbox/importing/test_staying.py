"""`importmail`: what stays where it is, and what is told of it."""

from __future__ import annotations

import pytest
from importing_stage import Project, new_database
from outbox.importing.queues import MAILER_MAILS, POST_OFFICE_MAILS

pytestmark = pytest.mark.processes


def test_what_cannot_be_carried_stays(project):
    project.python(
        """
        send = post_office.mail.send
        for name in ("gone", "good"):
            send("a@example.com", "s@example.com", subject=name, message=name,
                 attachments={name: ContentFile(b"x")})
        Email.objects.get(subject="gone").attachments.get().file.delete(save=False)
        template = EmailTemplate.objects.create(name="bad", subject="{% nonsense %}")
        send("secret@example.com", "s@example.com", template=template,
             context={"password": "hunter2"}, render_on_delivery=True)
        send("a@example.com", "s@example.com", subject="bulk", backend="bulk")
        """,
        old="post_office",
    )
    told = project.manage("importmail", "post_office", status=1)
    assert "1 moved, 3 stays." in told
    assert "post_office 1 stays where it is: FileNotFoundError" in told
    assert "TemplateSyntaxError" in told
    assert "--backend bulk=MAILER" in told
    assert "3 cannot be moved" in told
    for secret in ("secret@", "hunter2", "nonsense"):
        assert secret not in told
    assert project.value("Email.objects.filter(status=STATUS.queued).count()") == 3
    told = project.manage(
        *("importmail", "post_office", "--backend", "bulk=newsletter"), status=1
    )
    assert "1 moved, 2 stays." in told
    assert project.value(
        "list(OutboxMessage.objects.order_by('id').values_list('mailer', flat=True))"
    ) == ["smtp", "bulk_smtp"]


def test_what_ends_before_it_is_due_stays(project):
    project.python(
        """
        mail = post_office.mail.send("a@example.com", "s@example.com", message="x")
        soon = timezone.now() + datetime.timedelta(hours=1)
        late = soon + datetime.timedelta(hours=1)
        Email.objects.filter(pk=mail.pk).update(scheduled_time=late, expires_at=soon)
        """,
        old="post_office",
    )
    told = project.manage("importmail", "post_office", status=1)
    assert "not after send_at" in told


def test_what_an_unknown_mailer_should_send_names_the_outboxes(project):
    project.python(
        "post_office.mail.send('a@example.com', 's@example.com', message='x')"
        ".__class__.objects.update(backend_alias='alone')",
        old="post_office",
    )
    told = project.manage("importmail", "post_office", status=1)
    assert "Outboxes: 'default', 'newsletter'." in told
    told = project.manage(*("importmail", "post_office", "--using", "alone"), status=1)
    assert "'alone' is no outbox." in told


def test_what_mailer_would_discard_stays(project):
    project.python(
        """
        send_mail("good", "x", None, ["a@example.com"])
        Message.objects.create(message_data="no pickle")
        Message(message_data="").save()
        """,
        old="mailer",
    )
    told = project.manage("importmail", "mailer", status=1)
    assert "1 moved, 2 stays." in told
    assert project.value("Message.objects.count()") == 2


def test_who_is_on_the_list_of_mailer_gets_no_mail(project, server):
    project.python(
        """
        DontSendEntry.objects.create(to_address="NO@example.com", when_added=timezone.now())
        EmailMessage("some", "x", None, ["a@example.com", "No <no@example.com>"]).send()
        EmailMessage("none", "x", None, ["no@example.com"]).send()
        """,
        old="mailer",
    )
    told = project.manage("importmail", "mailer", status=1)
    assert (
        "mailer 2 stays where it is: All of its recipients are DontSendEntry." in told
    )
    project.manage("runmailworker", "--drain")
    [mail] = server.taken
    assert mail.recipients == ["a@example.com"]
    assert b"no@example.com" not in mail.content


def test_what_mailer_gave_up_stays(project):
    project.python(
        """
        send_mail("one", "x", None, ["a@example.com"])
        Message.objects.update(priority=4, retry_count=2)
        """,
        old="mailer",
    )
    told = project.manage("importmail", "mailer")
    assert "1 are deferred and past MAILER_EMAIL_MAX_RETRIES." in told
    assert project.value("Message.objects.count()") == 1


def test_since_leaves_older_rows_alone(project):
    project.python(
        """
        for subject in ("old", "new"):
            send_mail(subject, "x", None, ["a@example.com"])
        Message.objects.filter(pk=1).update(when_added="2020-01-01T00:00Z")
        """,
        old="mailer",
    )
    assert "1 moved." in project.manage("importmail", "mailer", "--since", "2021-01-01")
    assert project.value("OutboxMessage.objects.get().subject") == "new"
    assert project.value("Message.objects.count()") == 1


def test_a_queue_of_staging_is_not_sent_to_real_people(project):
    project.python(POST_OFFICE_MAILS, old="post_office")
    told = project.manage("importmail", "post_office", status=1, IMPORTING_STAGING="1")
    assert "POST_OFFICE['OVERRIDE_RECIPIENTS'] is set" in told
    assert project.states() == []


def test_post_office_does_not_send_meanwhile(project):
    project.python(POST_OFFICE_MAILS, old="post_office")
    lock = project.folder / "temporary" / "importing_test.lock"
    lock.write_text("1")  # of a process that runs
    told = project.manage("importmail", "post_office", status=1)
    assert f"post_office is sending: it holds {lock}" in told
    assert project.states() == []
    lock.write_text(str(2**22 + 1))  # of one that was killed
    assert "7 moved." in project.manage("importmail", "post_office")


def test_mailer_does_not_send_meanwhile(project):
    project.python(MAILER_MAILS, old="mailer")
    lock = project.folder / "send_mail.lock"
    lock.write_text("")
    told = project.manage("importmail", "mailer", status=1)
    assert f"there is {lock}" in told
    assert project.states() == []


def test_rows_that_mailer_is_sending_are_left_to_it(tmp_path, empty, server):
    """Where rows can be locked; its own sender holds one while it talks to the server."""
    with new_database("postgresql", tmp_path) as database:
        project = Project(tmp_path, database, port=server.port)
        project.manage("migrate", "--verbosity", "0")
        project.python(
            "for n in range(3): send_mail(f'{n}', 'x', None, ['a@example.com'])",
            old="mailer",
        )
        told = project.python(
            """
            from django.core.management import CommandError, call_command
            from django.db import connection, transaction
            import subprocess, sys, os
            with transaction.atomic():
                Message.objects.select_for_update().get(pk=2)
                done = subprocess.run([sys.executable, "-m", "django", "importmail", "mailer"],
                    capture_output=True, text=True)
            print(done.returncode, done.stdout, done.stderr)
            """
        )
        assert told.startswith("1 2 moved.")
        assert "1 came in, or were being sent, meanwhile." in told
        assert project.value("Message.objects.get().pk") == 2


def test_without_the_package_it_says_what_to_do(project):
    told = project.python(
        """
        from unittest import mock
        from django.core.management import CommandError, call_command
        from django.apps import apps
        with mock.patch.object(apps, "is_installed", return_value=False):
            try:
                call_command("importmail", "mailer")
            except CommandError as error:
                print(error)
        """
    )
    assert "Keep django-mailer installed until its queue is moved" in told
