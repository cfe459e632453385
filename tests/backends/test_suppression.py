"""Nobody on the do-not-mail list gets mail, and the others get theirs."""

from __future__ import annotations

import re

import pytest
from backends.stage import kinds, letters, smtp
from backends.suppression_stage import (
    BOB,
    CAROL,
    DAVE,
    LOCMEM,
    OUTBOX,
    PATH,
    arrived,
    letter,
    recipients,
)
from django.core import mail as django_mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend as Locmem
from django.db import DatabaseError, connection
from outbox.mailing import drain

from django_mailplus.backends.suppression import EmailBackend
from django_mailplus.compat import get_mailer
from django_mailplus.delivery import classify
from django_mailplus.exceptions import ListUnavailableError
from django_mailplus.outbox.models import OutboxMessage
from django_mailplus.signals import message_suppressed
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.tokens import read_token
from django_mailplus.suppression.writing import suppress

pytestmark = pytest.mark.django_db


def test_each_recipient_for_himself(guarded, server):
    suppress(CAROL, reason=Reason.COMPLAINT)
    sent = letter(to=[BOB, f"Carol <{CAROL}>"], cc=[DAVE], bcc=["eve@example.com"])
    before = dict(vars(sent), to=list(sent.to))
    assert guarded().send_messages([sent]) == 1
    assert recipients(server) == [BOB, DAVE, "eve@example.com"]
    assert arrived(server)["To"] == BOB
    result = vars(sent).pop("delivery_result")
    assert vars(sent) == before
    assert {r.address: r.kind for r in result.recipients} == {
        BOB: "accepted",
        DAVE: "accepted",
        "eve@example.com": "accepted",
        CAROL: "suppressed",
    }
    assert "complaint" in result.recipients[-1].text


def test_nobody_is_left(guarded, server):
    suppress(BOB, reason=Reason.MANUAL)
    suppress(CAROL, reason=Reason.HARD_BOUNCE)
    sent = letter()
    assert guarded().send_messages([sent]) == 0
    assert server.commands == []
    assert kinds(sent) == ["suppressed", "suppressed"]


@pytest.mark.django_db(transaction=True)
def test_a_whole_batch_asks_once(guarded, server, django_assert_num_queries):
    suppress("p3@example.com", reason=Reason.MANUAL)
    batch = [letter(to=[f"p{n}@example.com"]) for n in range(50)]
    with django_assert_num_queries(2):  # once to look, once to count
        assert guarded().send_messages(iter(batch)) == 49
    assert len(server.messages) == 49
    entry = Suppression.objects.get()
    assert (entry.kept_back, entry.last_kept_back_at is not None) == (1, True)


@pytest.mark.parametrize(
    ("stream", "stopped"), [("news", True), ("orders", False), (None, False)]
)
def test_an_opt_out_stops_bulk_mail_alone(guarded, server, stream, stopped):
    suppress(BOB, reason=Reason.UNSUBSCRIBE)
    sent = letter(to=[BOB], stream=stream)
    assert guarded().send_messages([sent]) == (0 if stopped else 1)
    assert kinds(sent) == ["suppressed" if stopped else "accepted"]


class Many(EmailMessage):
    """Of a project whose recipients are not in to, cc or bcc."""

    def recipients(self):
        return [BOB, CAROL]


class Written(EmailMessage):
    """Of a project that writes its messages itself."""

    def message(self, **how):
        return super().message(**how)


@pytest.mark.parametrize("kind", [Many, Written])
def test_classes_with_ways_of_their_own(guarded, server, kind):
    suppress(BOB, reason=Reason.COMPLAINT)
    sent = kind("Hi", "Hi", "ann@example.com", [BOB, CAROL])
    assert guarded().send_messages([sent]) == 1
    assert recipients(server) == [CAROL]
    assert sorted(kinds(sent)) == ["accepted", "suppressed"]


# Django's SMTP backend refuses these, which providers take apart.
SEVERAL = [
    f"{CAROL}, {BOB}",
    f"Bob <{BOB}>, Carol <{CAROL}>",
    f"Team: {BOB}, {CAROL};",
]


@pytest.mark.parametrize("entry", SEVERAL)
def test_several_in_one_entry(guarded, entry):
    suppress(BOB, reason=Reason.COMPLAINT)
    backend = guarded(leaf=LOCMEM)
    sent = letter(to=[DAVE, entry])
    assert backend.send_messages([sent, letter(to=[f"{BOB}, bob@EXAMPLE.com"])]) == 1
    assert django_mail.outbox[-1].to == [DAVE, CAROL]
    assert [r.address for r in sent.delivery_result.recipients][-1] == BOB
    backend.send_messages([letter(to=[f"{CAROL}, {DAVE}"])])
    assert django_mail.outbox[-1].to == [f"{CAROL}, {DAVE}"]
    with pytest.raises(ValueError, match="2 recipients"):
        backend.send_messages([letter(to=[f"{CAROL}, {DAVE}"], stream="news")])


def test_asked_twice_on_the_way_each_is_told_of_once(guarded, server):
    suppress(BOB, reason=Reason.COMPLAINT)
    again = {"BACKEND": PATH, "OPTIONS": {"using": "real"}}
    sent = letter()
    assert guarded(leaf=again, real=smtp(server)).send_messages([sent]) == 1
    assert kinds(sent) == ["accepted", "suppressed"]


def test_signal(guarded, server):
    suppress(BOB, reason=Reason.COMPLAINT)
    heard = []

    def told(sender, message, result, recipients, **kwargs):
        heard.append([(r.address, r.kind) for r in recipients])

    message_suppressed.connect(told, sender=EmailBackend)
    try:
        guarded().send_messages([letter()])
    finally:
        message_suppressed.disconnect(told, sender=EmailBackend)
    assert heard == [[(BOB, "suppressed")]]


def test_nobody_is_told_of_a_batch_that_is_refused(guarded, server):
    suppress(BOB, reason=Reason.COMPLAINT)
    heard = []

    def told(sender, **kwargs):
        heard.append(sender)

    message_suppressed.connect(told, sender=EmailBackend)
    try:
        with pytest.raises(ValueError, match="2 recipients"):
            guarded().send_messages([letter(), letter(to=[CAROL, DAVE], stream="news")])
    finally:
        message_suppressed.disconnect(told, sender=EmailBackend)
    assert (heard, server.commands) == ([], [])


def test_a_leaf_that_tells_nothing(guarded, server):
    suppress(BOB, reason=Reason.COMPLAINT)
    sent = letter()
    assert guarded(leaf=LOCMEM).send_messages([sent]) == 1
    told = {r.address: r.kind for r in sent.delivery_result.recipients}
    assert told == {CAROL: "accepted", BOB: "suppressed"}


def test_a_leaf_that_fails_and_tells_nothing(guarded, monkeypatch):
    suppress(BOB, reason=Reason.COMPLAINT)

    def fail(self, messages):
        raise ConnectionRefusedError

    monkeypatch.setattr(Locmem, "send_messages", fail)
    sent = letter()
    with pytest.raises(ConnectionRefusedError):
        guarded(leaf=LOCMEM).send_messages([sent])
    assert sent.delivery_result is None


def test_a_list_that_cannot_be_read_sends_nothing(guarded, server, monkeypatch):
    backend = guarded()

    def broken(*args, **kwargs):
        raise DatabaseError("for bob@example.com")

    monkeypatch.setattr("django_mailplus.suppression.lookup.find", broken)
    with pytest.raises(ListUnavailableError) as caught:
        backend.send_messages([letter()])
    assert server.commands == []
    assert classify(caught.value) == "mailer"
    assert "bob" not in str(caught.value)


def test_in_silence_a_list_that_cannot_be_read_sends_nothing_either(
    guarded, server, monkeypatch
):
    def broken(*args, **kwargs):
        raise DatabaseError("down")

    backend, sent = guarded(), letter()
    backend.fail_silently = True
    monkeypatch.setattr("django_mailplus.suppression.lookup.find", broken)
    assert backend.send_messages([sent]) == 0
    assert server.commands == []
    assert set(kinds(sent)) == {"transient"}


def test_of_who_fails_silently_nobody_says_that_it_accepted(guarded):
    suppress(CAROL, reason=Reason.COMPLAINT)
    sent = letter()
    silent = {"BACKEND": "example_backends.SendsNothing"}
    assert guarded(silent).send_messages([sent]) == 0
    assert sent.delivery_result is None


def test_a_number_that_cannot_be_counted_loses_no_mail(
    guarded, server, caplog, after_commit
):
    suppress(BOB, reason=Reason.COMPLAINT)
    backend = guarded()

    def refuse(execute, sql, *args):
        if sql.startswith("UPDATE"):
            raise DatabaseError("read only")
        return execute(sql, *args)

    with connection.execute_wrapper(refuse), after_commit():
        assert backend.send_messages([letter()]) == 1
    assert recipients(server) == [CAROL]
    assert "not counted: DatabaseError" in caplog.text


# --- Bulk mail ------------------------------------------------------------------------


def links(message):
    return re.findall(r"<(https://[^>]*)>", message["List-Unsubscribe"])


def test_bulk_mail_can_be_unsubscribed(guarded, server):
    guarded().send_messages([letter(to=[f"Bob <{BOB}>"], stream="news")])
    sent = arrived(server)
    [link] = links(sent)
    assert link.startswith("https://shop.example.com/mail/unsubscribe/")
    assert read_token(link.split("/")[-2]) == (BOB, "news")
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert b"=?utf-8" not in server.messages[-1]


def test_other_mail_cannot(guarded, server):
    guarded().send_messages([letter(stream="orders")])
    assert "List-Unsubscribe" not in arrived(server)


def test_headers_that_are_there_stay(guarded, server):
    own = {"list-unsubscribe": "<mailto:leave@example.com>"}
    guarded().send_messages([letter(to=[BOB], stream="news", headers=own)])
    assert arrived(server)["List-Unsubscribe"] == "<mailto:leave@example.com>"
    assert "List-Unsubscribe-Post" not in arrived(server)


def test_a_message_that_writes_itself_gets_them_too(guarded, server):
    sent = Written("Hi", "Hi", "ann@example.com", [BOB, CAROL])
    sent.stream = "news"
    suppress(CAROL, reason=Reason.UNSUBSCRIBE, stream="news")
    backend = guarded()
    backend.send_messages([sent])
    assert read_token(links(arrived(server))[0].split("/")[-2]) == (BOB, "news")
    own = Written(
        "Hi", "Hi", "a@b.org", [BOB], headers={"List-Unsubscribe": "<mailto:l@b.org>"}
    )
    own.stream = "news"
    backend.send_messages([own])
    assert arrived(server).get_all("List-Unsubscribe") == ["<mailto:l@b.org>"]


@pytest.mark.parametrize("kind", [EmailMessage, Written])
def test_each_header_is_there_once(guarded, server, kind):
    name = "list-unsubscribe-post"
    own = {name: "List-Unsubscribe=One-Click"}
    sent = kind("Hi", "Hi", "ann@example.com", [BOB], headers=own)
    sent.stream = "news"
    guarded().send_messages([sent])
    for header in (name, "List-Unsubscribe"):
        assert len(arrived(server).get_all(header)) == 1


def test_one_mailbox_in_two_spellings_is_not_two_people(guarded, server):
    sent = letter(to=[BOB], bcc=[f"Bob <{BOB.title()}>"], stream="news")
    assert guarded().send_messages([sent]) == 1
    assert len(links(arrived(server))) == 1


def test_one_link_for_several_people_is_refused(guarded, server):
    with pytest.raises(ValueError, match="2 recipients") as caught:
        guarded().send_messages([letter(stream="news")])
    assert classify(caught.value) == "message"
    assert server.commands == []


def test_what_a_provider_takes_apart_has_a_link_for_each(guarded):
    pytest.importorskip("anymail", reason="no anymail")
    sent = letter(stream="news")
    sent.merge_data = {}
    sent.merge_headers = {BOB: {"X-Own": "1"}}

    guarded(leaf=LOCMEM).send_messages([sent])
    [given] = django_mail.outbox
    for address in (BOB, CAROL):
        value = given.merge_headers[address]["List-Unsubscribe"]
        assert read_token(value.split("/")[-2]) == (address, "news")
    assert given.merge_headers[BOB]["X-Own"] == "1"
    assert sent.merge_headers == {BOB: {"X-Own": "1"}}


# --- Behind an outbox -----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_unsubscribes_while_mail_waits_gets_none(guarded, server):
    guarded(
        default={
            "BACKEND": OUTBOX,
            "OPTIONS": {"using": "list", "dispatch": "worker"},
        },
        list={"BACKEND": PATH, "OPTIONS": {"using": "smtp"}},
    )
    get_mailer("default").send_messages(
        [
            letter(to=[BOB], stream="news"),
            letter(to=[CAROL], stream="news"),
            letter(to=[BOB, DAVE]),
        ]
    )
    suppress(BOB, reason=Reason.UNSUBSCRIBE, stream="news")
    suppress(DAVE, reason=Reason.COMPLAINT)
    drain("list")
    assert sorted(recipients(server)) == [BOB, CAROL]
    states = OutboxMessage.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["suppressed", "sent", "sent"]
    fates = OutboxMessage.objects.order_by("id").last().fates
    assert dict(fates.values_list("address", "state")) == {
        BOB: "sent",
        DAVE: "suppressed",
    }


class Newsletter(EmailMessage):
    @property
    def stream(self):
        return "news"


@pytest.mark.django_db(transaction=True)
def test_a_class_says_its_stream(guarded, server):
    guarded(
        default={"BACKEND": OUTBOX, "OPTIONS": {"using": "list", "dispatch": "worker"}},
        list={"BACKEND": PATH, "OPTIONS": {"using": "smtp"}},
    )
    for to in (BOB, CAROL):
        get_mailer("default").send_messages([Newsletter("Hi", "Hi", "a@b.org", [to])])
    suppress(BOB, reason=Reason.UNSUBSCRIBE, stream="news")
    drain("list")
    assert recipients(server) == [CAROL]


def test_batches_stay_whole(guarded, server):
    """One connection for all, and no log-in in between."""
    suppress(BOB, reason=Reason.COMPLAINT)
    batch = [*letters(3, to=CAROL), *letters(2, to=BOB), *letters(3, to=DAVE)]
    assert guarded().send_messages(batch) == 6
    assert sum(line.lower().startswith("ehlo") for line in server.commands) == 1


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="others go on by themselves"
)
def test_a_transaction_outlives_a_list_that_cannot_be_read(guarded):
    def refuse(execute, sql, params, many, context):
        return execute(
            "SELECT 1 / 0" if "mailplus_suppression" in sql else sql, (), many, context
        )

    backend = guarded()
    with connection.execute_wrapper(refuse), pytest.raises(ListUnavailableError):
        backend.send_messages([letter()])
    assert not Suppression.objects.exists()
