"""What people type into the search."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from inbox_stage import letter, put, put_raw

from django_mailplus.compat import get_mailer
from django_mailplus.inbox.listing import found
from django_mailplus.inbox.models import CaughtMail
from django_mailplus.inbox.searching import search

pytestmark = pytest.mark.django_db


@pytest.fixture
def mails():
    put("Invoice ÄRGER", "Dear Bob, pay the small bill", to=["bob@example.com"])
    put(
        "Welcome",
        "Confirm: https://shop.example.com/verify/x",
        to=["ann@example.org"],
        cc=["bobby@example.com"],
        sender="News Desk <news@example.com>",
    )
    with_file = letter("Report", "100% sure_thing", to=["carol@example.com"])
    with_file.attach("a.pdf", b"x", "application/pdf")
    get_mailer("default").send_messages([with_file])
    CaughtMail.objects.filter(subject="Report").update(
        is_read=True, received_at=timezone.now() - timedelta(days=3)
    )


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("", "Invoice Report Welcome"),
        ("bill", "Invoice"),
        ("BILL dear", "Invoice"),
        ("ärger", "Invoice"),
        ('"small bill"', "Invoice"),
        ('"bill small"', ""),
        ('"small bill', "Invoice"),
        ("-bill", "Report Welcome"),
        ("to:bob", "Invoice Welcome"),
        ("to:bob@example.com", "Invoice"),
        ("to:BOB@EXAMPLE.COM", "Invoice"),
        ("-to:bob", "Report"),
        ("to:example.org", "Welcome"),
        ("from:news", "Welcome"),
        ('from:"news desk"', "Welcome"),
        ("subject:welc", "Welcome"),
        ("SUBJECT:welc", "Welcome"),
        ("has:attachment", "Report"),
        ("has:link", "Welcome"),
        ("-has:attachment is:unread", "Invoice Welcome"),
        ("is:read", "Report"),
        ("before:yesterday", "Report"),
        ("after:yesterday", "Invoice Welcome"),
        ("after:2020-01-01 before:2020-01-02", ""),
        ("100%", "Report"),
        ("sure_", "Report"),
        ("sureXthing", ""),
        ("https://shop.example.com/", "Welcome"),
        ("bob@example.com", "Invoice"),
    ],
)
def test_finds(mails, text, subjects):
    rows, problems = found(text)
    assert problems == ()
    assert " ".join(sorted(mail.subject.split()[0] for mail in rows)) == subjects


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("is:funny", "There is no is:funny. There are is:unread, is:read, is:failed."),
        ("has:wings", "There is no has:wings."),
        ("before:soon", "before:soon is no day."),
        ("after:2026-02-31", "after:2026-02-31 is no day."),
        ("before:0001-01-01", "is no day."),
        ("color:red", "There is no color: here. There are to:, from:,"),
        ("to:", "to: needs something after it, such as to:bob@example.com."),
        (" ".join(f"w{n}" for n in range(30)), "Only the first 20 terms count."),
    ],
)
def test_what_makes_no_sense_is_told_and_left_out(mails, text, told):
    rows, problems = found(text)
    assert told in problems[0]
    assert "w0" in text or rows.count() == 3


@pytest.mark.parametrize(
    "text",
    ["\0", "\ud800", '"', "-", "--", ":", "::", '-"', "to:\0", "%_\\", "'; --", "x" * 9_000,
     "subject:'", "to:@", "to:a@b@c.d", "-:", '""', 'to:""', "(" * 2_000],
)  # fmt: skip
def test_nothing_that_is_typed_is_an_error(developer, text):
    if text != "\ud800":  # no browser can send it
        query = {"q": text}
        assert developer.get("/mail/", query).status_code == 200
        assert developer.get("/mail/api/messages/", query).status_code in (200, 400)
    assert list(found(text)[0]) is not None


def test_an_inbox_is_of_whoever_is_written_so(mails):
    assert [m.subject for m in found("", '"bob"@EXAMPLE.com')[0]] == ["Invoice ÄRGER"]
    assert [m.subject for m in found("", "bobby@example.com")[0]] == ["Welcome"]
    assert not found("", "o@example.com")[0].exists()


def test_a_search_is_of_one_query(mails, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(CaughtMail.objects.filter(search("to:bob -bill has:link").where))


def test_words_are_found_in_html_alone():
    put_raw(b"Content-Type: text/html\r\n\r\n<p>Wonderful <b>tea</b></p>")
    assert found("wonderful tea")[0].count() == 1
