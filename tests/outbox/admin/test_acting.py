"""What people do with mails in the admin: who may, what is asked, what is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone
from outbox_admin_stage import (
    LIST,
    letter,
    needs_admin,
    page_of,
    put,
    put_finished,
    somebody,
    state,
    told,
)

from django_mailplus.outbox.actions.verbs import VERBS
from django_mailplus.outbox.admin import listing
from django_mailplus.outbox.models import OutboxMessage, Payload

pytestmark = [pytest.mark.django_db, needs_admin]

SURE = {"confirmed": "yes"}


@pytest.fixture
def sender(client):
    return somebody(client, "view_outboxmessage", "send_outboxmessage")


def many(client, verb, *mails, **more):
    fields = {"action": verb, "_selected_action": [mail.pk for mail in mails], **more}
    return client.post(LIST, fields, follow=True)


def one(client, verb, mail, **more):
    return client.post(page_of(mail, f"act/{verb}"), more, follow=True)


@pytest.mark.parametrize("do", [one, many])
@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("retry", "failed", "queued"),
        ("hold", "queued", "held"),
        ("release", "held", "queued"),
        ("cancel", "queued", "cancelled"),
        ("mark_sent", "unknown", "sent"),
        ("requeue", "sent", "queued"),
    ],
)
def test_every_verb(sender, do, verb, before, after):
    mail = put(state=before)
    page = do(sender, verb, mail, **SURE)
    assert state(mail) == after
    assert told(page) == [f"{VERBS[verb].label}: 1 mail."]
    entries = apps.get_model("admin.LogEntry").objects.all()
    assert [(e.object_id, e.object_repr) for e in entries] == [(str(mail.pk),) * 2]
    assert (page.request["PATH_INFO"] == page_of(mail)) == (do is one)


@pytest.mark.parametrize("do", [one, many])
@pytest.mark.parametrize("verb", ["cancel", "mark_sent", "requeue"])
def test_what_has_no_way_back_is_asked_first(sender, do, verb):
    mail = put(letter("Order 7"), state="held" if verb != "requeue" else "failed")
    before = state(mail)
    page = do(sender, verb, mail)
    assert state(mail) == before
    text = page.content.decode()
    assert str(VERBS[verb].question) in text
    assert "1 mail." in " ".join(text.split())
    assert "Order 7" not in text
    fields = dict(page.context["fields"])
    if do is many:
        assert fields == {"action": verb, "_selected_action": str(mail.pk)}
    do(sender, verb, mail, **fields | SURE) if do is one else sender.post(
        LIST, fields | SURE
    )
    assert state(mail) != before


@pytest.mark.parametrize("asked", ["state=failed", "state=failed&q=BOB@"])
def test_all_that_a_filter_finds(sender, asked):
    failed = [put_finished("failed") for _ in range(60)]
    other = put_finished("expired")
    fields = {
        "action": "retry",
        "_selected_action": [failed[0].pk],
        "select_across": "1",
    }
    page = sender.post(f"{LIST}?{asked}", fields, follow=True)
    assert told(page) == ["Try now: 60 mails."]
    assert {state(mail) for mail in failed} == {"queued"}
    assert state(other) == "expired"


def test_all_of_a_list_does_not_mean_what_is_scheduled_for_later(sender):
    due, later = put(), put(due_at=timezone.now() + timedelta(days=3))
    chosen = {"action": "retry", "_selected_action": [due.pk, later.pk]}
    page = sender.post(LIST, {**chosen, "select_across": "1"}, follow=True)
    left_out = "1 mail was left out: it is scheduled for later. Tick it to mean it."
    assert told(page) == [left_out, "Try now: 1 mail."]
    later.refresh_from_db()
    assert later.due_at > timezone.now()
    page = sender.post(LIST, chosen, follow=True)
    assert told(page) == ["Try now: 2 mails."]
    later.refresh_from_db()
    assert later.due_at < timezone.now() + timedelta(seconds=5)


def test_all_of_more_than_the_list_counts_is_asked_first(sender, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED", 2)
    mails = [put() for _ in range(4)]
    chosen = {"action": "hold", "_selected_action": [mails[0].pk]}
    across = {**chosen, "select_across": "1"}
    page = sender.post(LIST, across)
    text = " ".join(page.content.decode().split())
    assert "4 mails. These are more than the list has counted." in text
    assert {state(mail) for mail in mails} == {"queued"}
    fields = dict(page.context["fields"])
    page = sender.post(LIST, fields | SURE, follow=True)
    assert told(page) == ["Hold: 4 mails."]
    assert {state(mail) for mail in mails} == {"held"}
    sender.post(LIST, {**chosen, "action": "release", "select_across": "0"})
    assert [state(mail) for mail in mails] == ["queued", "held", "held", "held"]


@pytest.mark.parametrize("verb", ["retry", "requeue"])
def test_the_history_tells_only_of_mails_that_were_changed(sender, verb):
    erased, whole = put_finished("failed"), put_finished("failed")
    Payload.objects.filter(mail=erased).delete()
    many(sender, verb, erased, whole, **SURE)
    assert (state(erased), state(whole)) == ("failed", "queued")
    entries = apps.get_model("admin.LogEntry").objects
    assert [each.object_id for each in entries.all()] == [str(whole.pk)]


def test_what_waits_is_tried_now_and_told_whatever_it_says(sender):
    mail = put()
    Payload.objects.filter(mail=mail).delete()
    many(sender, "retry", mail)
    assert apps.get_model("admin.LogEntry").objects.count() == 1


def test_what_does_not_suit_is_left_and_told(sender):
    sending = put(state="sending")
    page = many(sender, "cancel", sending, **SURE)
    assert told(page) == ["Cancel sending: no mail is in a state for that."]
    assert state(sending) == "sending"
    erased = put_finished("failed")
    Payload.objects.filter(mail=erased).delete()
    assert told(one(sender, "retry", erased)) == [
        "Try now: no mail is in a state for that."
    ]
    assert "Try now" not in sender.get(page_of(erased)).content.decode()


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_acts_without_the_permission(client, verb):
    viewer = somebody(
        client,
        "view_outboxmessage",
        "view_outbox_content",
        "change_outboxmessage",
        "delete_outboxmessage",
    )
    mails = [put(state=str(each)) for each in VERBS[verb].start]
    before = [state(mail) for mail in mails]
    many(viewer, verb, *mails, **SURE)
    for mail in mails:
        assert one(viewer, verb, mail, **SURE).status_code == 403
    assert [state(mail) for mail in mails] == before


def test_sending_alone_is_not_looking(client):
    blind = somebody(client, "send_outboxmessage")
    mail = put()
    assert one(blind, "hold", mail).status_code == 403
    assert many(blind, "hold", mail).status_code == 403
    assert state(mail) == "queued"


def test_a_link_does_nothing(sender):
    mail = put()
    for verb in VERBS:
        page = sender.get(page_of(mail, f"act/{verb}"))
        assert page["Location"] == page_of(mail)
    assert state(mail) == "queued"
    assert sender.post(page_of(mail, "act/explode")).status_code == 404


def test_another_site_does_nothing(sender):
    mail = put()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = sender.cookies
    assert strict.post(page_of(mail, "act/hold")).status_code == 403
    assert (
        strict.post(LIST, {"action": "hold", "_selected_action": [mail.pk]}).status_code
        == 403
    )
    assert strict.post(f"{LIST}queue/pause/", {"mailer": "smtp"}).status_code == 403
    assert state(mail) == "queued"


def test_only_what_suits_is_offered(sender):
    text = sender.get(page_of(put_finished("sent"))).content.decode()
    offered = [name for name, verb in VERBS.items() if f"/act/{name}/" in text]
    assert offered == ["requeue"]


@pytest.mark.django_db(transaction=True)
def test_what_is_tried_again_leaves_without_another_mail(client, server, with_mailers):
    from django_mailplus.smtp.registry import close_all

    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
                "OPTIONS": {"using": "smtp", "dispatch": "inline"},
            },
            "smtp": {
                "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
                "OPTIONS": {"host": server.host, "port": server.port},
            },
        }
    )
    sender = somebody(client, "view_outboxmessage", "send_outboxmessage")
    mail = put_finished("failed")
    one(sender, "retry", mail)
    close_all()
    assert OutboxMessage.objects.get(pk=mail.pk).state == "sent"
