"""Whom a server calls unknown comes onto the do-not-mail list, and nobody else."""

from __future__ import annotations

from smtplib import SMTPException

import pytest
from backends.stage import kinds, smtp
from backends.suppression_stage import (
    BOB,
    CAROL,
    DAVE,
    REDIRECT,
    letter,
)
from django.db import DatabaseError, connection, transaction
from outbox.mailing import in_thread

from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import suppress

pytestmark = pytest.mark.django_db


UNKNOWN = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"]
OTHERS = ["5.1.7", "5.1.8", "5.2.1", "5.2.2", "5.7.1", "5.0.0", "4.1.1"]


@pytest.mark.parametrize("enhanced", [*UNKNOWN, *OTHERS, ""])
def test_only_a_mailbox_that_is_not_there_is_noted(
    guarded, server, enhanced, after_commit
):
    first = "450" if enhanced.startswith("4") else "550"

    server.replies["rcpt"] = {CAROL: f"{first} {enhanced} no", "": "250 ok"}
    backend = guarded()
    with after_commit():
        backend.send_messages([letter()])
    found = Suppression.objects.values_list("address", "reason", "source")
    if enhanced in UNKNOWN:
        assert list(found) == [(CAROL, "hard_bounce", "SMTP smtp")]
        again = letter()
        backend.send_messages([again])
        assert kinds(again) == ["accepted", "suppressed"]
    else:
        assert list(found) == []


OF_NOBODY = [
    ("mail", "550 5.1.2 the domain of the sender is not there"),
    ("mail", "553 5.1.3 bad sender"),
    ("data", "550 5.1.1 none of them"),
    ("content", "550 5.1.1 one of them"),
    ("rcpt", "450 5.1.1 greylisted"),
]


@pytest.mark.parametrize(("stage", "reply"), OF_NOBODY)
def test_what_is_not_said_of_the_mailbox_puts_nobody_on_the_list(
    guarded, server, after_commit, stage, reply
):
    server.replies[stage] = reply
    sent = letter()
    with after_commit(), pytest.raises(SMTPException):
        guarded().send_messages([sent])
    assert {r.enhanced for r in sent.delivery_result.recipients} == {reply[4:9]}
    assert not Suppression.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_locked_while_mail_is_on_its_way(guarded, server):
    """Others would wait for the transaction of the caller, or one would be ended for two."""
    server.replies["rcpt"] = {DAVE: "550 5.1.1 no", "": "250 ok"}
    suppress(BOB, reason=Reason.MANUAL)
    backend = guarded()

    def other():
        entry = suppress(BOB, reason=Reason.MANUAL)
        return entry.reported, suppress(DAVE, reason=Reason.HARD_BOUNCE).reported

    with transaction.atomic():
        backend.send_messages([letter(to=[BOB, CAROL, DAVE])])
        assert in_thread(other) == (2, 1)
    found = Suppression.objects.order_by("pk").values_list("kept_back", "reported")
    assert list(found) == [(1, 2), (0, 2)]


@pytest.mark.django_db(transaction=True)
def test_words_that_a_database_does_not_take(guarded, server):
    server.replies["rcpt"] = {CAROL: "550 5.1.1 no\0body", "": "250 ok"}
    guarded().send_messages([letter()])
    assert Suppression.objects.get().detail == "5.1.1 no\ufffdbody"


def test_what_is_said_of_the_team_is_not_said_of_others(guarded, server, after_commit):
    server.replies["rcpt"] = "550 5.1.1 no such team"
    redirect = {
        "BACKEND": REDIRECT,
        "OPTIONS": {"using": "real", "to": "team@example.com"},
    }
    backend = guarded(leaf=redirect, real=smtp(server))
    sent = letter()
    with after_commit(), pytest.raises(Exception, match="team"):
        backend.send_messages([sent])
    assert not Suppression.objects.exists()


def test_a_bounce_that_cannot_be_noted_changes_nothing(
    guarded, server, caplog, after_commit
):
    server.replies["rcpt"] = {CAROL: "550 5.1.1 no", "": "250 ok"}
    backend, sent = guarded(), letter()

    def refuse(execute, sql, *args):
        if sql.startswith("INSERT"):
            raise DatabaseError("read only")
        return execute(sql, *args)

    with connection.execute_wrapper(refuse), after_commit():
        assert backend.send_messages([sent]) == 1
    assert kinds(sent) == ["accepted", "permanent"]
    assert "could not be noted" in caplog.text
    assert "carol" not in caplog.text
