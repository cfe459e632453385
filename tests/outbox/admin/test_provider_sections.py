"""What the provider calls a mail, and what it told of it since, on the page of the mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from outbox_admin_stage import needs_admin, page_of, put_finished, somebody

from django_mailplus.outbox.admin import mail_page
from django_mailplus.outbox.models import ProviderMessage, TrackingEvent

pytestmark = [pytest.mark.django_db, needs_admin]

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)


@pytest.fixture
def viewer(client):
    return somebody(client, "view_outboxmessage")


def text_of(client, mail):
    return client.get(page_of(mail)).content.decode()


def named(mail, number, address="", status="sent"):
    ProviderMessage.objects.create(
        mail=mail,
        provider="Postmark",
        external_id=number,
        address=address,
        status=status,
    )


def told(mail, type_, minutes, **columns):
    TrackingEvent.objects.create(
        mail=mail,
        key=f"{type_}{minutes}",
        provider="Postmark",
        type=type_,
        happened_at=NOON + timedelta(minutes=minutes),
        **columns,
    )


def test_a_mail_that_went_to_no_api_has_no_such_sections(viewer):
    text = text_of(viewer, put_finished("sent"))
    assert "mailplus-provider" not in text
    assert "mailplus-events" not in text


def test_one_number_for_all(viewer):
    mail = put_finished("sent")
    named(mail, "0a129aee")
    text = text_of(viewer, mail)
    for words in ("At the provider", "Postmark", "0a129aee", "All recipients"):
        assert words in text


def test_the_number_and_the_status_of_each(viewer):
    mail = put_finished("partial")
    named(mail, "n1", "bob@example.com")
    named(mail, "", "carol@example.com", "rejected")
    text = text_of(viewer, mail)
    assert "All recipients" not in text
    assert text.index("n1") < text.index("carol@example.com") < text.index("rejected")


def test_events_stand_by_when_they_happened_and_change_no_state(viewer):
    mail = put_finished("sent")
    told(mail, "bounced", 9, kind="hard", address="bob@example.com", text="550 no")
    told(mail, "delivered", 1)
    text = text_of(viewer, mail)
    assert "bounced (hard)" in text
    assert "550 no" in text
    assert text.index("bounced (hard)") < text.index("delivered")
    assert 'mailplus-sent">sent<' in text


def test_of_very_many_events_the_newest_are_shown(viewer, monkeypatch):
    monkeypatch.setattr(mail_page, "_EVENTS_SHOWN", 2)
    mail = put_finished("sent")
    for minutes, type_ in enumerate(["queued", "deferred", "delivered"]):
        told(mail, type_, minutes)
    text = text_of(viewer, mail)
    assert ">queued<" not in text
    assert "delivered" in text
    assert "Older ones are left out." in text


def test_what_providers_say_is_words(viewer):
    mail = put_finished("sent")
    named(mail, "<script>1</script>\u202e", "<b>@example.com", "<i>")
    told(mail, "<script>2", 1, address="<script>3", text="<script>4\x1b\u202e")
    text = text_of(viewer, mail)
    assert not any(f"<script>{n}" in text for n in range(1, 5))
    assert not any(raw in text for raw in ("\u202e", "\x1b", "<b>@", "<i>"))
