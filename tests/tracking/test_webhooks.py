"""Webhooks of all providers, read by django-anymail itself: what stands at the mail then."""

from __future__ import annotations

import itertools

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from racing_stage import losing
from tracking.payloads import PROVIDERS, SAID, of_provider

from django_mailplus.outbox.models import OutboxMessage, TrackingEvent
from django_mailplus.suppression.models import Suppression
from django_mailplus.tracking.noting import Told, note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:django-anymail has dropped official support"),
]

REASONS = {
    "hard": "hard_bounce",
    "complaint": "complaint",
    "unsubscribe": "unsubscribe",
}
# As they look at these providers.
NUMBERS = {
    "Mailgun": "<20260528.1@mail.example.com>",
    "Mailjet": "1152921514000000001",
    "Postal": "4321",
}


def number_of(name):
    return NUMBERS.get(name, "0f0e1d2c-number")


def kinds():
    return list(TrackingEvent.objects.order_by("pk").values_list("kind", flat=True))


def listed():
    return list(Suppression.objects.values_list("address", "reason", "stream"))


@pytest.mark.parametrize(("name", "what"), SAID)
def test_an_event_is_noted_once_and_acted_on(provider, hook, name, what):
    sent = provider(name, (number_of(name), "queued"))
    for _ in range(2):
        assert hook(*of_provider(name, what, number_of(name))) == 200
    [event] = TrackingEvent.objects.all()
    assert (event.mail, event.provider, event.address) == (
        sent,
        name,
        "bob@example.com",
    )
    assert event.kind == ("" if what == "delivered" else what)
    reason = REASONS.get(what)
    assert listed() == ([("bob@example.com", reason, "")] if reason else [])
    assert [row.reported for row in Suppression.objects.all()] == [1] * len(listed())
    assert OutboxMessage.objects.get().state == "sent"


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_order_of_arrival_does_not_matter(provider, hook, name):
    sent = provider(name, (number_of(name), "queued"))
    told = [what for whose, what in SAID if whose == name]
    for what in (*reversed(told), *told):
        assert hook(*of_provider(name, what, number_of(name))) == 200
    assert sorted(kinds()) == sorted("" if w == "delivered" else w for w in told)
    expected = {REASONS[what] for what in told if what in REASONS}
    assert {reason for _, reason, _ in listed()} == expected
    assert OutboxMessage.objects.get(pk=sent.pk).state == "sent"


@pytest.mark.parametrize("name", PROVIDERS)
def test_who_bounced_is_listed_though_nobody_knows_the_mail(hook, name):
    for _ in range(2):
        assert hook(*of_provider(name, "hard", number_of(name))) == 200
    assert listed() == [("bob@example.com", "hard_bounce", "")]
    assert not TrackingEvent.objects.exists()


def test_who_unsubscribes_leaves_the_stream_of_that_mail(provider, hook):
    message = EmailMessage("Hi", "Hi", "a@example.com", ["bob@example.com"])
    message.stream = "news"
    provider("Brevo", ("n1", "sent"), message)
    assert hook(*of_provider("Brevo", "unsubscribe", "n1")) == 200
    assert hook(*of_provider("Brevo", "hard", "n1")) == 200
    assert sorted(listed()) == [
        ("bob@example.com", "hard_bounce", ""),
        ("bob@example.com", "unsubscribe", "news"),
    ]


def test_who_was_taken_off_the_list_stays_off_when_an_old_event_is_told_again(
    provider, hook
):
    provider("Postmark", ("n1", "sent"))
    hook(*of_provider("Postmark", "hard", "n1"))
    Suppression.objects.all().delete()
    hook(*of_provider("Postmark", "hard", "n1"))
    assert listed() == []


def test_what_could_not_be_put_on_the_list_is_told_again(
    provider, hook, client, monkeypatch
):
    from django_mailplus.tracking import noting

    provider("Postmark", ("n1", "sent"))
    client.raise_request_exception = False

    def fail(*args, **options):
        from django.db import OperationalError

        raise OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(noting, "put_on_list", fail)
        assert hook(*of_provider("Postmark", "hard", "n1")) == 500
    assert not TrackingEvent.objects.exists()
    assert hook(*of_provider("Postmark", "hard", "n1")) == 200
    assert listed() == [("bob@example.com", "hard_bounce", "")]


def test_an_event_that_loses_against_another_one_is_noted_once(provider, hook):
    provider("Postmark", ("n1", "sent"))
    for lost in range(2):  # the event; the entry of the list that comes with it
        TrackingEvent.objects.all().delete()
        Suppression.objects.all().delete()
        with connection.execute_wrapper(losing(lost)):
            assert hook(*of_provider("Postmark", "hard", "n1")) == 200
        assert kinds() == ["hard"]
        [row] = Suppression.objects.all()
        assert row.reported == 1


def test_words_that_no_database_takes_keep_nobody_off_the_list(provider):
    provider("Postmark", ("n1", "sent"))
    for number in ("n1", "of no mail"):
        Suppression.objects.all().delete()
        note(
            Told(
                provider="Postmark",
                type="bounced",
                external_id=number,
                address="bob@example.com",
                event_id="",
                reason="bounced",
                text="no such\0 user \ud800",
                happened_at=None,
                metadata=None,
                raw={"Type": "HardBounce"},
            )
        )
        [row] = Suppression.objects.all()
        assert (row.address, row.detail) == ("bob@example.com", "no such\ufffd user ?")


def test_without_the_secret_nothing_is_believed(hook, client):
    path, body, kind, headers = of_provider("Postmark", "hard", "n1")
    response = client.post(f"/anymail/{path}", body, content_type=kind, headers=headers)
    assert response.status_code == 400
    path, body, kind, headers = of_provider("Mailgun", "hard", "n1")
    assert hook(path, body.replace(b"hard", b"soft"), kind, headers) == 200
    broken = body.replace(b'"timestamp": "1', b'"timestamp": "2')
    assert hook(path, broken, kind, headers) == 400
    assert listed() == [("bob@example.com", "hard_bounce", "")]


def test_openings_are_kept_once_each_and_without_what_they_tell_of_the_reader(
    provider, hook
):
    import json

    sent = provider("SendGrid", ("n1", "sent"))
    for count in range(3):
        body = [
            {
                "email": "bob@example.com",
                "timestamp": 1_780_000_000 + count,
                "anymail_id": "n1",
                "sg_event_id": f"e{count}{kind}",
                "event": kind,
                "url": "https://shop.example.com/secret",
                "useragent": "Reader/1.0",
                "ip": "192.0.2.1",
            }
            for kind in ("open", "click")
        ]
        made = json.dumps(body).encode()
        assert hook("sendgrid/tracking/", made, "application/json", {}) == 200
    assert sorted(sent.events.values_list("type", flat=True)) == ["clicked", "opened"]
    stored = str(list(sent.events.values()))
    assert not any(word in stored for word in ("secret", "Reader", "192.0.2.1"))


def test_each_recipient_of_one_event_is_noted(provider, hook):
    import json

    sent = provider(
        "Amazon SES",
        ("n1", "queued"),
        EmailMessage("", "", "a@example.com", ["bob@example.com", "al@example.com"]),
    )
    path, body, kind, headers = of_provider("Amazon SES", "hard", "n1")
    outer = json.loads(body)
    inner = json.loads(outer["Message"])
    inner["bounce"]["bouncedRecipients"].append({"emailAddress": "al@example.com"})
    outer["Message"] = json.dumps(inner)
    for _ in range(2):
        assert hook(path, json.dumps(outer).encode(), kind, headers) == 200
    assert sent.events.count() == 2
    assert {address for address, _, _ in listed()} == {
        "al@example.com",
        "bob@example.com",
    }


@pytest.mark.parametrize("name", ["Amazon SES", "Resend"])
def test_nobody_is_listed_where_the_provider_does_not_say_who_it_was(
    provider, hook, name
):
    import json

    people = ["bob@example.com", "al@example.com"]
    provider(name, ("n1", "sent"), EmailMessage("", "", "a@example.com", people))
    path, body, kind, headers = of_provider(name, "complaint", "n1")
    if name == "Resend":  # tells no blind copies
        assert hook(path, body, kind, headers) == 200
    else:
        outer = json.loads(body)
        inner = json.loads(outer["Message"])
        inner["complaint"]["complainedRecipients"] = [
            {"emailAddress": address} for address in people
        ]
        outer["Message"] = json.dumps(inner)
        assert hook(path, json.dumps(outer).encode(), kind, headers) == 200
    assert set(kinds()) == {"undetermined"}
    assert listed() == []


def test_each_order_of_three_ends_alike(provider, hook):
    told = ["delivered", "soft", "complaint"]
    for count, order in enumerate(itertools.permutations(told)):
        number = f"n{count}"
        sent = provider("SparkPost", (number, "queued"))
        for what in order:
            path, body, kind, headers = of_provider("SparkPost", what, number)
            body = body.replace(b"sp-", f"sp{count}-".encode())
            hook(path, body, kind, headers)
        assert sorted(sent.events.values_list("kind", flat=True)) == [
            "",
            "complaint",
            "soft",
        ]
