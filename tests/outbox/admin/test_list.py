"""The list: what it shows, whom, and how little it reads for that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from outbox_admin_stage import (
    LIST,
    letter,
    needs_admin,
    page_of,
    put,
    put_finished,
    somebody,
)

from django_mailplus.outbox.admin import listing
from django_mailplus.outbox.models import OutboxMessage

pytestmark = [pytest.mark.django_db, needs_admin]

HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x07"


@pytest.fixture
def boss(client):
    return somebody(client, superuser=True)


def found(client, query):
    return {mail.pk for mail in client.get(f"{LIST}?{query}").context["cl"].result_list}


def text_of(client, path=LIST):
    return client.get(path).content.decode()


def test_the_list(boss):
    put(letter("Order 7"), attempts=2)
    put_finished("failed")
    text = text_of(boss)
    assert "Order 7" in text
    assert "bob@example.com" in text
    assert ">retrying<" in text
    assert ">failed<" in text
    assert f"{LIST}queue/" in text


def test_nothing_can_be_added_edited_or_deleted(boss):
    mail = put()
    assert boss.get(f"{LIST}add/").status_code == 403
    assert boss.get(page_of(mail, "delete")).status_code == 403
    assert boss.post(page_of(mail, "delete"), {"post": "yes"}).status_code == 403
    boss.post(page_of(mail), {"subject": "Other", "state": "sent"})
    boss.post(LIST, {"action": "delete_selected", "_selected_action": [mail.pk]})
    after = OutboxMessage.objects.get(pk=mail.pk)
    assert (after.subject, after.state) == ("Hello", "queued")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=queued", {"fresh", "again"}),
        ("state=again", {"again"}),
        ("state=failed", {"failed"}),
        ("state=sent", set()),
        ("mailer=other", {"other"}),
        ("mailer=", {"nameless"}),
        ("priority__exact=1", {"urgent"}),
        ("created=hour", {"fresh", "again", "failed", "other", "nameless", "urgent"}),
        ("state=failed&mailer=smtp", {"failed"}),
        ("state=nonsense", {"fresh", "again", "failed", "other", "nameless", "urgent"}),
    ],
)
def test_filters(boss, query, expected):
    mails = {
        "fresh": put(),
        "again": put(attempts=1),
        "failed": put_finished("failed"),
        "other": put(mailer="other", state="held"),
        "nameless": put(mailer="", state="held"),
        "urgent": put(options={"priority": "urgent"}, state="held"),
    }
    assert found(boss, query) == {mails[name].pk for name in expected}


@pytest.mark.parametrize("query", ["state=%00", "mailer=%00", "created=%00", "q=%00"])
def test_a_nul_in_an_address_breaks_nothing(boss, query):
    put()
    assert boss.get(f"{LIST}?{query}", follow=True).status_code == 200


@pytest.mark.parametrize(
    "lookup",
    [
        "subject__startswith=1",
        "idempotency_key=x",
        "claim_token__gt=a",
        "payload__document__contains=x",
    ],
)
def test_no_lookups_but_those_of_the_filters(boss, lookup):
    """Else one could guess a subject, or a key, letter by letter."""
    put()
    assert boss.get(f"{LIST}?{lookup}").status_code == 400


@pytest.mark.parametrize(
    "words",
    [
        "Invoice",
        "invoice 117",
        "ANN@",
        "carol",
        "@tést.example",
        "<m1@example.com>",
        "m1@example",
    ],
)
def test_search(boss, words):
    message = letter("Invoice 117", to=["carol@tést.example"])
    message.extra_headers["Message-ID"] = "<m1@example.com>"
    mail = put(message)
    OutboxMessage.objects.filter(pk=mail.pk).update(recipients=["carol@tést.example"])
    put(letter("Other", to=["dora@example.com"]), mail_from="shop@example.org")
    assert found(boss, f"q={words}") == {mail.pk}


def test_search_by_id(boss):
    mail = put()
    put()
    assert found(boss, f"q={mail.pk}") == {mail.pk}


def test_words_are_searched_for_in_the_newest_mails_only(boss, monkeypatch):
    monkeypatch.setattr(listing, "SEARCHED", 2)
    mails = [put(letter(f"Same {n}")) for n in range(4)]
    assert found(boss, "q=same") == {mails[2].pk, mails[3].pk}
    assert found(boss, f"q={mails[0].pk}") == {mails[0].pk}
    assert found(boss, f"q={mails[0].message_id}") == {mails[0].pk}


def test_a_stream_is_found_by_its_name(boss, monkeypatch):
    monkeypatch.setattr(listing, "SEARCHED", 3)
    mails = [put(options={"stream": name}) for name in ("news", "news", "my news")]
    mails.append(put(letter("All the news")))
    assert found(boss, "q=stream:news") == {mails[1].pk}
    assert found(boss, "q=stream:%20my%20news") == {mails[2].pk}


def test_no_more_is_counted_than_there_are_pages_for(boss, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED", 2)
    for _ in range(4):
        put()
    page = boss.get(LIST)
    assert page.context["cl"].result_count == 2
    assert "There are more." in page.content.decode()
    assert "There are more." not in text_of(boss, f"{LIST}?state=sent")


def test_every_count_of_the_list_is_bounded(boss, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    put()
    with CaptureQueriesContext(connection) as queries:
        boss.get(f"{LIST}?q=hello&state=queued")
    counts = [q["sql"] for q in queries if "COUNT(" in q["sql"].upper()]
    assert counts
    assert all(f"LIMIT {listing.COUNTED + 1}" in sql for sql in counts)


def test_what_ended_last_comes_first_in_the_list_of_one_final_state(boss):
    now = timezone.now()
    first = put_finished(
        "failed",
    )
    second = put_finished("failed")
    OutboxMessage.objects.filter(pk=first.pk).update(
        finalised_at=now + timedelta(hours=1)
    )
    listed = boss.get(f"{LIST}?state=failed").context["cl"].result_list
    assert [mail.pk for mail in listed] == [first.pk, second.pk]


def test_hostile_words_are_words(boss):
    put(letter(HOSTILE, to=["<b>@example.com"]), mailer="<i>x</i>")
    text = text_of(boss)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;gnp.exe\u2407" in text
    for raw in ("\u202e", "\x07", "<b>@", "<i>x"):
        assert raw not in text


def test_the_subject_of_a_sensitive_mail_is_shown_to_nobody_and_found_by_nobody(boss):
    mail = put(options={"sensitive": True}, subject="123456 is your code")
    assert "123456" not in text_of(boss)
    assert "123456" not in text_of(boss, page_of(mail))
    assert "123456" not in text_of(boss, page_of(mail, "history"))
    assert found(boss, "q=123456") == set()
    assert found(boss, "q=bob") == {mail.pk}


def test_whoever_may_only_look_sees_the_envelope(client):
    viewer = somebody(client, "view_outboxmessage")
    mail = put(letter("Order 7", "Dear Bob"))
    for path in (LIST, page_of(mail), f"{LIST}?state=queued"):
        text = text_of(viewer, path)
        assert "bob@example.com" in text
        assert "Order 7" not in text
        assert "Dear Bob" not in text
        assert "Try now" not in text
        assert "Mark as sent" not in text
    assert found(viewer, "q=Order") == set()


def test_staff_without_a_permission_see_nothing(client):
    nobody = somebody(client, "send_outboxmessage", "view_outbox_content")
    mail = put()
    for path in (LIST, f"{LIST}queue/", *(page_of(mail, more) for more in PAGES)):
        assert nobody.get(path).status_code == 403, path


PAGES = ("change", "history", "html", "source", "download")


def test_visitors_are_asked_to_log_in(client):
    mail = put()
    for path in (LIST, f"{LIST}queue/", *(page_of(mail, more) for more in PAGES)):
        assert client.get(path)["Location"].startswith("/admin/login/"), path


def test_a_mail_that_is_gone(boss):
    page = boss.get(f"{LIST}no-such-id/change/", follow=True)
    assert [str(m) for m in page.context["messages"]] == ["There is no such mail."]
    assert (
        boss.get(f"{LIST}01a1ff27-a0e6-7d72-9ade-25d58b6dadff/html/").status_code == 404
    )


def test_a_mail_of_many_recipients(boss):
    to = [f"reader{n}@example.com" for n in range(1_000)]
    mail = put(EmailMessage("Hi", "Hi", "a@example.com", to))
    assert "+997" in text_of(boss)
    assert "And 800 more." in text_of(boss, page_of(mail))
