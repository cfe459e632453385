"""The queue page: numbers, a chart that everybody can read, and pauses."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from django.apps import apps
from django.utils import timezone
from outbox_admin_stage import (
    LIST,
    QUEUE,
    letter,
    needs_admin,
    put,
    put_due_for,
    put_finished,
    somebody,
    told,
)

from django_mailplus.outbox.admin.chart import draw
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.models import MailerState

OUTBOXES = {
    "default": {
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {"using": "smtp", "dispatch": "worker"},
    },
    "smtp": {
        "BACKEND": "django_mailplus.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "127.0.0.1", "port": 9},
    },
}

pytestmark = [pytest.mark.django_db, needs_admin]


@pytest.fixture
def boss(client):
    return somebody(client, superuser=True)


def page(client):
    """The page as text, white space as one space."""
    return " ".join(client.get(QUEUE).content.decode().split())


def test_an_empty_outbox(boss):
    text = page(boss)
    assert "There is no mail, and no mailer with an outbox before it." in text
    assert "0 in all, at most 0 in one minute." in text


def test_a_mailer_without_mail_is_there_to_be_paused(boss, with_mailers):
    with_mailers(OUTBOXES)
    assert "<h3><bdi>smtp</bdi></h3>" in page(boss)
    boss.post(f"{QUEUE}pause/", {"mailer": "smtp"})
    assert pausing.look("smtp").paused


def test_counts_ages_and_where_they_lead(boss):
    put_due_for(400)
    put_finished("failed", mailer="other")
    text = page(boss)
    assert "<strong>1</strong> due now" in text
    assert "<strong>6 minutes</strong> due for, at most" in text
    assert f'<a href="{LIST}?state=failed">1</a>' in text
    assert f'href="{LIST}?state=failed&amp;mailer=other"' in text
    assert "1 mail is due, for 6 minutes" in text


def test_the_chart_is_a_picture_with_words_and_a_table(boss):
    for _ in range(3):
        put_finished("sent")
    text = page(boss)
    svg = re.search(r"<svg viewBox.*?</svg>", text)[0]
    picture = ET.fromstring(svg)  # noqa: S314 - our own
    assert picture.get("role") == "img"
    words = [element.text for element in picture if element.tag in ("title", "desc")]
    assert words == [
        "Mails sent in each of the last 60 minutes",
        "3 in all, at most 3 in one minute.",
    ]
    assert picture.get("aria-labelledby") == " ".join(
        element.get("id") for element in picture if element.get("id")
    )
    assert len(re.findall(r"<tr><td class=\"mailplus-number\">", text)) == 60


def test_no_script_and_no_style_in_the_page(boss):
    put_finished("sent")
    body = page(boss).split('<div id="content-main"')[1]
    assert "<script" not in body
    assert "style=" not in body
    assert " on" + "click" not in body


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 1), (1, 1), (3, 4), (5, 6), (7, 10), (11, 20), (6_001, 10_000)],
)
def test_the_scale_is_a_round_number(most, top):
    chart = draw([most, 0])
    assert chart.top == top
    assert chart.total == most
    assert all(0 <= bar.y <= 100 for bar in chart.bars)


def test_one_among_thousands_is_seen():
    first, second = draw([1, 9_000]).bars
    assert first.height >= 2
    assert (first.ago, second.ago) == (1, 0)


def test_mails_that_nothing_will_send(boss, with_mailers):
    with_mailers(OUTBOXES)
    put()
    assert "Nothing sends what waits here" not in page(boss)
    put(mailer="old")
    text = page(boss)
    assert text.count("Nothing sends what waits here") == 1
    assert "manage.py mailqueue move old --to" in text


def test_pause_and_resume(boss):
    put()
    paused = boss.post(
        f"{QUEUE}pause/",
        {"mailer": "smtp", "reason": "<b>Legal</b>\x07 asks\n"},
        follow=True,
    )
    assert told(paused) == ["smtp is paused: nothing is sent over it."]
    assert pausing.look("smtp").paused
    text = page(boss)
    assert "&lt;b&gt;Legal&lt;/b&gt;\u2407 asks" in text
    assert "until somebody resumes it" in text
    resumed = boss.post(f"{QUEUE}resume/", {"mailer": "smtp"}, follow=True)
    assert told(resumed) == ["smtp sends again."]
    assert not pausing.look("smtp").paused
    entries = apps.get_model("admin.LogEntry").objects.values_list(
        "object_id", flat=True
    )
    assert list(entries) == ["smtp", "smtp"]


def test_without_a_reason_it_is_told_who(boss):
    put()
    boss.post(f"{QUEUE}pause/", {"mailer": "smtp"})
    assert MailerState.objects.get().reason == "Paused by somebody"
    boss.post(f"{QUEUE}pause/", {"mailer": "smtp", "reason": "x" * 900})
    assert len(MailerState.objects.get().reason) == 500


def test_the_mailer_without_a_name(boss):
    put(mailer="")
    assert "<bdi>(settings)</bdi>" in page(boss)
    boss.post(f"{QUEUE}pause/", {"mailer": ""})
    assert pausing.look("").paused


def test_a_pause_after_trouble_says_until_when(boss):
    MailerState.objects.create(
        alias="smtp",
        paused_until=timezone.now() + timedelta(minutes=4),
        failures=3,
        reason="SMTPConnectError 421",
    )
    text = page(boss)
    assert "SMTPConnectError 421" in text
    assert "tries again at" in text
    assert ">Resume<" in text
    boss.post(f"{QUEUE}resume/", {"mailer": "smtp"})
    assert not pausing.look("smtp").paused


def test_a_mailer_that_nobody_has_is_not_paused(boss):
    assert boss.post(f"{QUEUE}pause/", {"mailer": "made-up"}).status_code == 404
    assert boss.post(f"{QUEUE}explode/", {"mailer": "smtp"}).status_code == 404
    assert not MailerState.objects.exists()


def test_a_link_does_nothing(boss):
    put()
    assert boss.get(f"{QUEUE}pause/?mailer=smtp")["Location"] == QUEUE
    assert not MailerState.objects.exists()


def test_whoever_may_only_look_pauses_nothing(client):
    put(letter("Order 7"))
    pausing.pause_by_hand("smtp", "Legal")
    viewer = somebody(client, "view_outboxmessage")
    text = page(viewer)
    assert "Legal" in text
    assert "Resume" not in text
    assert viewer.post(f"{QUEUE}resume/", {"mailer": "smtp"}).status_code == 403
    assert pausing.look("smtp").paused


def test_a_hostile_alias_is_words(boss):
    put(mailer="<script>1</script>&a=b")
    text = page(boss)
    assert "<script>1" not in text
    assert "mailer=%3Cscript%3E1%3C%2Fscript%3E%26a%3Db" in text
