"""The inbox as JSON."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from inbox_stage import PNG, letter, put

from django_mailplus.compat import get_mailer
from django_mailplus.inbox.models import CaughtMail

MESSAGES, LATEST = "/mail/api/messages/", "/mail/api/latest/"


@pytest.mark.django_db
def test_the_list_is_newest_first_and_can_be_narrowed(developer):
    one, two = put("one"), put("two", to=["ann@example.com"])
    subjects = [
        [m["subject"] for m in developer.get(MESSAGES, query).json()["messages"]]
        for query in ({}, {"limit": 1}, {"after": one.pk}, {"q": "one"}, {"limit": 0},
                      {"to": "ANN@example.com"}, {"after": two.pk})
    ]  # fmt: skip
    assert subjects == [["two", "one"], ["two"], ["two"], ["one"], [], ["two"], []]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [{"after": "x"}, {"after": "-1"}, {"limit": "1.5"}, {"q": "is:funny"}, {"limit": "²"}],
)  # fmt: skip
def test_mistakes_are_told(developer, query):
    answer = developer.get(MESSAGES, query)
    assert answer.status_code == 400
    assert next(iter(query.values())) in answer.json()["error"]
    assert developer.get(MESSAGES, {"after": "9" * 60}).json()["messages"] == []
    assert developer.get(LATEST, {"wait": "nan"}).status_code == 400


@pytest.mark.django_db
def test_nothing_new_is_304_and_one_query(developer, django_assert_num_queries):
    mail = put()
    tag = developer.get(MESSAGES).headers["ETag"]
    with django_assert_num_queries(1):
        answer = developer.get(MESSAGES, headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    answer = developer.get(MESSAGES, headers={"if-none-match": f"W/{tag}"})
    assert answer.status_code == 304
    page = developer.get("/mail/").context["list"]
    assert tag == f'"{page.state}"'
    tags = {tag}
    for change in (
        put,
        lambda: CaughtMail.objects.filter(pk=mail.pk).update(is_read=True),
        lambda: CaughtMail.objects.filter(pk=mail.pk).delete(),
        lambda: CaughtMail.objects.all().delete(),
    ):
        change()
        tags.add(developer.get(MESSAGES).headers["ETag"])
    assert len(tags) == 5


@pytest.mark.django_db
def test_a_mail_with_all_that_is_in_it(developer):
    message = letter(
        "Confirm", "Code: 482913\nhttps://e.com/verify", "<p>Code: 482913</p>",
        bcc=["dave@example.com"],
    )  # fmt: skip
    message.attach("p.png", PNG, "image/png")
    get_mailer("default").send_messages([message])
    number = CaughtMail.objects.get().pk
    told = developer.get(f"{MESSAGES}{number}/").json()
    assert told["codes"] == ["482913"]
    assert told["text"].startswith("Code: 482913")
    assert told["html"].strip() == "<p>Code: 482913</p>"
    assert {"kind": "bcc", "address": "dave@example.com"} in told["recipients"]
    assert told["attachments"][0]["filename"] == "p.png"
    assert ["Subject", "Confirm"] in told["headers"]
    assert told["origin"]["code"]
    assert developer.get(f"{MESSAGES}{number + 1}/").status_code == 404
    assert developer.get(f"{MESSAGES}{10**30}/").status_code == 404


@pytest.mark.django_db
def test_deleting_one_and_those_of_a_search(developer):
    one = put("one")
    put("two")
    put("three")
    assert developer.delete(f"{MESSAGES}{one.pk}/").json() == {"deleted": 1}
    assert developer.delete(f"{MESSAGES}{one.pk}/").json() == {"deleted": 0}
    assert developer.delete(f"{MESSAGES}?q=is:funny").status_code == 400
    assert developer.delete(f"{MESSAGES}?q=two").json() == {"deleted": 1}
    assert developer.delete(MESSAGES).json() == {"deleted": 1}


@pytest.mark.django_db
def test_the_newest_of_somebody_with_its_links(developer):
    put("old", "https://e.com/verify/1", to=["ann@example.com"])
    put("new", "https://e.com/verify/2", to=["ann@example.com"])
    put("other")
    told = developer.get(LATEST, {"to": "ann@example.com"}).json()
    assert [link["url"] for link in told["links"]] == ["https://e.com/verify/2"]
    assert developer.get(LATEST, {"to": "x@example.com"}).status_code == 404
    after = {"to": "ann@example.com", "after": told["id"], "wait": "0.01"}
    answer = developer.get(LATEST, after)
    assert answer.status_code == 404
    assert answer.json() == {"error": "No such mail came within 0.01 s."}


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_with_the_mail_and_holds_no_transaction(
    developer, settings, monkeypatch
):
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)
    asked = threading.Event()

    def send():
        asked.wait(30)
        try:
            put("late", "Your code: 482913")
        finally:
            if connection.vendor != "sqlite":
                connection.close()

    sender = threading.Thread(target=send)
    if connection.vendor == "sqlite":  # in memory: another thread has another database
        put("late", "Your code: 482913")
    else:
        sender.start()
        looked = CaughtMail.objects.none()
        assert not looked.exists()
    asked.set()
    told = developer.get(LATEST, {"to": "bob@example.com", "wait": "30"}).json()
    if sender.is_alive() or sender.ident:
        sender.join()
    assert told["codes"] == ["482913"]


@pytest.mark.django_db
def test_no_mail_has_a_number_that_no_database_knows(developer):
    huge = 10**30
    answer = developer.delete(f"/mail/api/messages/{huge}/")
    assert answer.json() == {"deleted": 0}
    for what in ("delete", "read"):
        assert developer.post(f"/mail/m/{huge}/{what}/").status_code == 302
    assert developer.get(f"/mail/m/{huge}/").status_code == 404


@pytest.mark.django_db
def test_news_are_waited_for(developer, monkeypatch):
    """A mail that comes in the third look ends the wait; without one it is 304 in the end."""
    put("one")
    tag = developer.get(MESSAGES).headers["ETag"]
    looks = []

    def pause(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            put("two")

    monkeypatch.setattr("django_mailplus.inbox.api.time.sleep", pause)
    headers = {"if-none-match": tag}
    answer = developer.get(MESSAGES, {"wait": "5"}, headers=headers)
    assert [each["subject"] for each in answer.json()["messages"]] == ["two", "one"]
    assert len(looks) == 3
    assert max(looks) <= 0.5  # a new mail is there within a second
    headers = {"if-none-match": answer.headers["ETag"]}
    answer = developer.get(MESSAGES, {"wait": "0.01"}, headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    assert developer.get(MESSAGES, {"wait": "x"}).status_code == 400
