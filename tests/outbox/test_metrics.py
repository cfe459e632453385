"""What Prometheus reads: the text format 0.0.4, and no addresses."""

from __future__ import annotations

import re

import pytest
from django.db import OperationalError
from django.urls import include, path
from outbox_admin_stage import put, put_due_for, put_finished

from django_mailplus.outbox import views
from django_mailplus.outbox.mailers import pausing
from django_mailplus.outbox.metrics import exposition
from django_mailplus.outbox.states import State
from django_mailplus.outbox.status import MailerStatus, QueueStatus

pytestmark = pytest.mark.django_db

urlpatterns = [path("monitor/", include("django_mailplus.outbox.urls"))]

# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
LINE = re.compile(
    r"# HELP (?P<help>[a-z_]+) [^\n]+"
    r"|# TYPE (?P<type>[a-z_]+) gauge"
    r'|(?P<name>[a-z_]+)\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\} (?P<value>\d+(?:\.\d+)?)'
)


@pytest.fixture(autouse=True)
def _urls(settings):
    settings.ROOT_URLCONF = __name__


def scrape(client):
    page = client.get("/monitor/metrics/")
    assert page.status_code == 200
    assert page["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return page.content.decode()


def test_every_line_is_one_of_the_format(client):
    put_due_for(90)
    put_finished("failed", mailer="other")
    pausing.pause_by_hand("other", "ask ann@example.com")
    text = scrape(client)
    assert text.endswith("\n")
    seen = []
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        assert found, line
        if found["name"]:
            assert seen[-1] == found["name"], "samples follow their TYPE, all together"
        else:
            seen.append(found["help"] or found["type"])
    assert seen == [
        name
        for gauge in ("messages", "due", "oldest_seconds", "mailer_paused")
        for name in [f"mailplus_outbox_{gauge}"] * 2
    ]
    assert "@" not in text


def test_the_numbers(client):
    put_due_for(90)
    put_due_for(90)
    put_finished("failed", mailer="other")
    pausing.pause_by_hand("other", "Legal")
    lines = scrape(client).splitlines()
    for line in (
        'mailplus_outbox_messages{mailer="smtp",state="queued"} 2',
        'mailplus_outbox_messages{mailer="smtp",state="sent"} 0',
        'mailplus_outbox_messages{mailer="other",state="failed"} 1',
        'mailplus_outbox_due{mailer="smtp"} 2',
        'mailplus_outbox_due{mailer="other"} 0',
        'mailplus_outbox_mailer_paused{mailer="smtp"} 0',
        'mailplus_outbox_mailer_paused{mailer="other"} 1',
    ):
        assert line in lines
    [oldest] = (
        x
        for x in lines
        if x.startswith('mailplus_outbox_oldest_seconds{mailer="smtp"}')
    )
    assert 90 <= float(oldest.split()[-1]) < 200


def test_an_empty_outbox(client):
    assert {line[0] for line in scrape(client).splitlines()} == {"#"}


def test_labels_are_escaped():
    mailer = MailerStatus(alias='a"b\\c\nd', counts={State.QUEUED: 12_345_678})
    text = exposition(QueueStatus(mailers=(mailer,)))
    sample = r'mailplus_outbox_messages{mailer="a\"b\\c\nd",state="queued"} 12345678'
    assert sample in text.splitlines()


def test_the_mailer_without_a_name(client):
    put(mailer="")
    assert 'mailplus_outbox_due{mailer=""} 1' in scrape(client)


def test_a_database_that_is_down(client, monkeypatch):
    def fail():
        raise OperationalError("password of ann refused")

    monkeypatch.setattr(views, "read_status", fail)
    page = client.get("/monitor/metrics/")
    assert page.status_code == 503
    assert page.content == b"# The database of the outbox gives no answer.\n"
