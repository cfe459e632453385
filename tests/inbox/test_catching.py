"""The newest mails are kept, whoever writes at once; any bytes can be."""

from __future__ import annotations

import threading

import pytest
from django.core.management import call_command
from django.db import connection
from inbox_stage import letter, put, put_raw
from racing_stage import losing

from django_mailplus.compat import get_mailer
from django_mailplus.inbox import catching
from django_mailplus.inbox.models import CaughtMail, CaughtRecipient


@pytest.fixture
def keep_five(settings):
    settings.MAILPLUS = {"INBOX_KEEP": 5}


@pytest.mark.django_db(transaction=True)
def test_the_newest_stay(keep_five):
    get_mailer("default").send_messages(letter(f"{n}") for n in range(8))
    put("last")
    subjects = CaughtMail.objects.order_by("pk").values_list("subject", flat=True)
    assert list(subjects) == ["4", "5", "6", "7", "last"]
    assert CaughtRecipient.objects.count() == 5


@pytest.mark.django_db
def test_pruning_reads_no_mail(keep_five, django_assert_max_num_queries):
    get_mailer("default").send_messages(letter() for _ in range(8))
    with django_assert_max_num_queries(8) as queries:
        assert catching.prune() == 3
    assert not any('"raw"' in q["sql"] or "`raw`" in q["sql"] for q in queries)
    assert catching.prune() == 0


@pytest.mark.django_db
def test_prunemail_prunes_it_where_less_is_kept_than_before(settings, capsys):
    get_mailer("default").send_messages(letter() for _ in range(3))
    settings.MAILPLUS = {"INBOX_KEEP": 1}
    call_command("prunemail", "--dry-run")
    assert "2 mails of the inbox to delete." in capsys.readouterr().out
    call_command("prunemail")
    assert "2 mails of the inbox deleted." in capsys.readouterr().out
    call_command("prunemail")
    assert "inbox" not in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_many_threads_at_once_leave_the_newest_and_fail_none(settings):
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("threads share no SQLite in memory")
    settings.MAILPLUS = {"INBOX_KEEP": 20}
    failures = []
    start = threading.Barrier(6)

    def send():
        try:
            start.wait()
            for number in range(25):
                get_mailer("default").send_messages([letter(f"{number}")])
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    put("last")
    kept = list(CaughtMail.objects.order_by("-pk").values_list("pk", flat=True))
    assert len(kept) == 20
    recipients = CaughtRecipient.objects.values_list("mail", flat=True)
    assert set(recipients) == set(kept)


@pytest.mark.django_db(transaction=True)
def test_who_loses_against_another_mail_is_kept_once():
    with connection.execute_wrapper(losing(1)):
        put("first")
    assert CaughtMail.objects.count() == CaughtRecipient.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_is_open_keeps_nobody_from_pruning(keep_five):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    get_mailer("default").send_messages(letter() for _ in range(5))
    oldest = CaughtMail.objects.order_by("pk")[0].pk
    locked, done = threading.Event(), threading.Event()

    def hold():
        from django.db import transaction

        with transaction.atomic():
            CaughtMail.objects.filter(pk=oldest).update(is_read=True)
            locked.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(30)
    put("not held up")
    done.set()
    holder.join()
    assert CaughtMail.objects.filter(subject="not held up").exists()
    put("prunes the rest")
    assert CaughtMail.objects.count() == 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\xff\xfe",
        b"Subject: \0\xed\xa0\x80\r\nFrom: \0\r\n\r\n\0\xed\xa0\x80",
        b"Subject: =?utf-8?B?AAAA?=\r\n\r\nx",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 300,
        b"Subject: " + b"\xf0\x9f\x98\x80" * 3_000 + b"\r\n\r\n" + b"W" * 100_000,
        b"From: " + b"a" * 9_000 + b"@example.com\r\n\r\nhttps://e.com/" + b"x" * 9_000,
    ],
    ids=range(7),
)
def test_any_bytes_are_kept_as_they_are(raw):
    mail = put_raw(raw)
    assert mail.content == raw


@pytest.mark.django_db
def test_over_smtp_recipients_stand_where_the_headers_name_them():
    raw = b"To: Bob <BOB@example.com>\r\nCc: carol@example.com, no@example.com\r\n\r\nx"
    mail = put_raw(raw, "bob@example.com", "carol@example.com", "dave@example.com")
    people = mail.recipients.order_by("pk").values_list("kind", "address")
    assert list(people) == [
        ("to", "bob@example.com"),
        ("cc", "carol@example.com"),
        ("envelope", "dave@example.com"),
    ]


@pytest.mark.django_db
def test_a_batch_of_large_mails_is_more_than_one_statement_takes():
    large = "x" * 900 + "\n"
    letters = [letter(f"{n}", large * 3_000) for n in range(8)]
    assert get_mailer("default").send_messages(letters) == 8
    subjects = CaughtMail.objects.order_by("pk").values_list("subject", flat=True)
    assert list(subjects) == [f"{n}" for n in range(8)]
