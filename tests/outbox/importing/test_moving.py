"""`importmail`: the real packages queue, our outbox sends what they would have sent."""

from __future__ import annotations

import random
import signal
import time

import pytest
from importing_stage import normalised
from outbox.importing.queues import MAILER_MAILS, PNG, POST_OFFICE_MAILS

pytestmark = pytest.mark.processes


def test_what_post_office_would_have_sent_is_sent(anywhere, server):
    anywhere.python(POST_OFFICE_MAILS, old="post_office")
    anywhere.manage("send_queued_mail", old="post_office")
    theirs = normalised(server.taken)
    assert len(theirs) == 7
    assert anywhere.value("Email.objects.exclude(status=STATUS.sent).count()") == 0

    server.plan()
    anywhere.python(POST_OFFICE_MAILS, old="post_office")
    ids = anywhere.value(
        "list(Email.objects.filter(status=2).values_list('message_id', flat=True))"
    )
    assert "7 moved." in anywhere.manage("importmail", "post_office")
    assert anywhere.states() == ["queued"] * 7
    anywhere.manage("send_queued_mail", old="post_office")
    assert server.taken == []  # the old sender has nothing left to send
    anywhere.manage("runmailworker", "--drain")
    assert normalised(server.taken) == theirs
    sent = b"".join(mail.content for mail in server.taken)
    assert all(str(number).encode() in sent for number in ids)
    assert anywhere.value(
        "list(OutboxMessage.objects.order_by('id').values_list('priority', flat=True))"
    ) == [2, 3, 3, 3, 3, 3, 3]
    assert (
        anywhere.value(
            "Log.objects.filter(message__startswith='Moved to the outbox').count()"
        )
        == 7
    )
    assert "Nothing." in anywhere.manage("importmail", "post_office")


def test_what_mailer_would_have_sent_is_sent(anywhere, server):
    anywhere.python(MAILER_MAILS, old="mailer")
    anywhere.manage("retry_deferred", old="mailer")
    anywhere.manage("send_mail", old="mailer")
    theirs = normalised(server.taken)
    assert len(theirs) == 5

    server.plan()
    anywhere.python(MAILER_MAILS, old="mailer")
    assert "5 moved." in anywhere.manage("importmail", "mailer")
    assert anywhere.value("Message.objects.count()") == 0
    assert anywhere.value(
        "list(OutboxMessage.objects.order_by('id').values_list('priority', flat=True))"
    ) == [2, 3, 4, 3, 3]
    anywhere.manage("runmailworker", "--drain")
    assert normalised(server.taken) == theirs
    assert (
        anywhere.value(
            "MessageLog.objects.filter(log_message__startswith='Moved', message_data=None).count()"
        )
        == 5
    )


def test_a_dry_run_changes_nothing(project):
    project.python(POST_OFFICE_MAILS, old="post_office")
    project.python(MAILER_MAILS, old="mailer")
    before = project.value(
        "[list(Email.objects.values()), list(Message.objects.values())]"
    )
    assert "Dry run: 7 moved." in project.manage(
        "importmail", "post_office", "--dry-run"
    )
    assert "Dry run: 5 moved." in project.manage("importmail", "mailer", "--dry-run")
    assert project.states() == []
    after = project.value(
        "[list(Email.objects.values()), list(Message.objects.values())]"
    )
    assert before == after


@pytest.mark.parametrize("package", ["post_office", "mailer"])
def test_killed_at_any_moment_and_run_again(anywhere, server, package):
    """Nothing is lost and nothing doubled, wherever in a batch it was."""
    count = 120
    code = {
        "post_office": "for n in range({count}): post_office.mail.send("
        "'a@example.com', 's@example.com', subject=f'no {{n}}', message='x')",
        "mailer": "for n in range({count}): send_mail("
        "f'no {{n}}', 'x', 's@example.com', ['a@example.com'])",
    }[package].format(count=count)
    anywhere.python(code, old=package)
    for moved in (1, 20, 30):
        process = anywhere.start(
            *("importmail", package, "--batch-size", "3", "--verbosity", "2"),
            PYTHONUNBUFFERED="1",
        )
        for _ in range(moved):
            assert " moved" in process.stdout.readline()
        time.sleep(random.uniform(0, 0.02))  # noqa: S311
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        for lock in anywhere.folder.glob("send_mail.lock"):
            lock.unlink()  # as the command asks for
    anywhere.manage("importmail", package)
    assert anywhere.states() == ["queued"] * count
    anywhere.manage("runmailworker", "--drain")
    subjects = [
        mail.content.split(b"Subject: ")[1].split(b"\r\n")[0] for mail in server.taken
    ]
    assert sorted(subjects) == sorted(b"no %d" % n for n in range(count))


TIMES = """
send = post_office.mail.send
soon = timezone.now() + datetime.timedelta(hours=2)
past = timezone.now() - datetime.timedelta(hours=2)
send("a@example.com", "s@example.com", subject="later", scheduled_time=soon)
send("a@example.com", "s@example.com", subject="ends", expires_at=soon, priority="low")
send("a@example.com", "s@example.com", subject="over", expires_at=past)
send("a@example.com", "s@example.com", subject="again")
Email.objects.filter(subject="again").update(status=STATUS.requeued, scheduled_time=past)
for subject in ("old", "logged", "young"):
    send("a@example.com", "s@example.com", subject=subject)
Email.objects.filter(subject__in=["old", "logged", "young"]).update(status=None, priority=3)
Email.objects.filter(subject__in=["old", "logged"]).update(created=past)
Log.objects.create(email=Email.objects.get(subject="logged"), status=1)
"""


@pytest.mark.parametrize("zones", ["0", "1"])
def test_times_and_states_of_post_office(project, zones):
    project.environment["IMPORTING_TZ"] = zones
    project.python(TIMES, old="post_office")
    told = project.manage("importmail", "post_office")
    assert "1 held, 3 moved." in told
    assert "1 had expired before they were sent." in told
    assert "1 with the priority now are less than an hour old" in told
    rows = project.value(
        "{m.subject: [m.state, m.priority, m.due_at > timezone.now(),"
        " m.expires_at == Email.objects.get(subject=m.subject).expires_at]"
        " for m in OutboxMessage.objects.all()}"
    )
    assert rows == {
        "later": ["queued", 3, True, True],
        "ends": ["queued", 4, False, True],
        "again": ["queued", 3, False, True],
        "old": ["held", 1, False, True],
    }


def test_what_the_outbox_says_about_mails_counts_for_imported_ones(project):
    project.python("send_mail('one', 'x', None, ['a@example.com'])", old="mailer")
    project.manage("importmail", "mailer")
    assert project.value("OutboxMessage.objects.get().hold_unknown") is True


def test_the_outbox_in_another_database(project, tmp_path):
    """Stored there first; a run that was cut off in between is made good by the next."""
    project.environment["IMPORTING_ELSEWHERE"] = str(tmp_path / "elsewhere.sqlite3")
    project.manage("migrate", "--verbosity", "0", "--database", "elsewhere")
    project.python(POST_OFFICE_MAILS, old="post_office")
    assert "7 moved." in project.manage("importmail", "post_office")
    project.python("Email.objects.update(status=STATUS.queued)")
    assert "7 moved before." in project.manage("importmail", "post_office")
    assert project.value("Email.objects.filter(status=STATUS.queued).count()") == 0
    assert project.states() == ["queued"] * 7


def test_attachments_with_headers_of_their_own_arrive_whole(project, server):
    """post_office sends their octets as they are, which no mail server bears."""
    project.python(
        f"""
        post_office.mail.send("a@example.com", "s@example.com", subject="x", message="x",
            html_message="<img src='cid:logo'>", attachments={{"logo.png": {{
                "file": ContentFile({PNG!r}), "mimetype": "image/png",
                "headers": {{"Content-ID": "<logo>", "Content-Disposition": "inline"}}}}}})
        """,
        old="post_office",
    )
    project.manage("importmail", "post_office")
    project.manage("runmailworker", "--drain")
    import email

    [part] = [
        part
        for part in email.message_from_bytes(server.taken[0].content).walk()
        if part.get_content_type() == "image/png"
    ]
    assert part["Content-ID"] == "<logo>"
    assert part.get_content_disposition() == "inline"
    assert part.get_payload(decode=True) == PNG
