"""What the rows tell of themselves, in logs and tracebacks."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import connection

from django_mailplus.outbox.models import MailerState, OutboxMessage
from django_mailplus.outbox.options import OutboxOptions
from django_mailplus.outbox.rows.storing import store


def test_no_subject_and_no_address_in_a_repr():
    mail = OutboxMessage(subject="Your code: 123456", recipients=["bob@example.com"])
    for words in (str(mail), repr(mail)):
        assert "123456" not in words
        assert "bob" not in words
        assert str(mail.pk) in words


@pytest.mark.django_db
def test_the_subject_of_a_sensitive_mail_is_in_its_content_alone():
    code = EmailMessage("123456 is your code", "", "a@example.com", ["b@example.com"])
    [mail] = store([(code, OutboxOptions(sensitive=True))], "smtp")
    stored = OutboxMessage.objects.get(pk=mail.id)
    assert stored.subject == ""
    assert "123456" in stored.payload.document


def letter():
    return EmailMessage("Hi", "Hi", "a@example.com", ["b@example.com"])


@pytest.mark.django_db
def test_keys_that_differ_in_a_capital_or_a_space_are_two():
    keys = ["welcome-aBc", "welcome-AbC", "welcome-aBc ", "welcome-ä", "welcome-a"]
    for key in keys:
        [stored] = store([(letter(), OutboxOptions(idempotency_key=key))], "smtp")
        assert stored.is_new
    [again] = store([(letter(), OutboxOptions(idempotency_key=keys[0]))], "smtp")
    assert not again.is_new
    assert OutboxMessage.objects.count() == len(keys)


@pytest.mark.django_db
def test_mailers_that_differ_in_a_capital_are_two():
    for alias in ("smtp", "SMTP", "smtp "):
        MailerState.objects.create(alias=alias)
        store([(letter(), OutboxOptions())], alias)
    assert OutboxMessage.objects.filter(mailer="smtp").count() == 1
    assert MailerState.objects.filter(alias="SMTP").update(failures=1) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["message_id", "idempotency_key"])
def test_a_column_that_is_looked_up_has_one_index(column):
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(
            cursor, OutboxMessage._meta.db_table
        )
    indexes = [name for name, each in found.items() if each["columns"] == [column]]
    assert len(indexes) == 1


def test_a_process_that_is_forked_while_an_id_is_made(project):
    """A child that waits for the lock for ever is killed by the alarm."""
    project.configure(9)
    project.run("""
        from django_mailplus.outbox import models
        first = models.new_id()
        with models._counting:
            child = os.fork()
            if not child:
                signal.alarm(10)
                models.new_id()
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
