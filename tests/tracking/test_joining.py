"""Which mail an event is about."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from tracking.payloads import of_provider

from django_mailplus.outbox import retention
from django_mailplus.outbox.models import (
    OutboxMessage,
    ProviderMessage,
    TrackingEvent,
)
from django_mailplus.tracking.joining import METADATA, join

pytestmark = pytest.mark.django_db(transaction=True)


def to(*addresses):
    return EmailMessage("Hi", "Hi", "a@example.com", list(addresses))


def found(*told):
    joined = join(*told)
    return joined and (joined.mail, joined.recipients)


def test_by_the_number_of_the_provider(provider):
    sent = provider("Postmark", ("n1", "sent"), to("a@x.org", "b@x.org"))
    other = provider("Postmark", ("N1", "sent"))
    assert found("Postmark", "n1", "b@x.org") == (sent, 2)
    assert found("Postmark", "n1", "stranger@x.org") == (sent, 2)
    assert found("Postmark", "N1", "bob@example.com") == (other, 1)
    assert found("Mailgun", "n1", "b@x.org") is None
    assert found("Postmark", "", "b@x.org") is None


def test_by_the_number_of_each_recipient(provider):
    answer = {"a@x.org": ("n1", "sent"), "b@x.org": ("n2", "sent")}
    sent = provider("Resend", answer, to(*answer))
    assert found("Resend", "n2", "B@X.org") == (sent, 1)
    mixed = {"c@x.org": ("n3", "sent"), "d@x.org": ("n3", "rejected")}
    other = provider("Resend", mixed, to(*mixed))
    assert found("Resend", "n3", "c@x.org") == (other, 2)


def test_a_number_that_two_mails_have_is_that_of_the_recipient_or_the_newest(provider):
    first = provider(
        "Test",
        {"a@x.org": ("1", "sent"), "b@x.org": ("2", "sent")},
        to("a@x.org", "b@x.org"),
    )
    second = provider(
        "Test",
        {"c@x.org": ("1", "sent"), "d@x.org": ("2", "sent")},
        to("c@x.org", "d@x.org"),
    )
    assert found("Test", "1", "a@x.org") == (first, 1)
    assert found("Test", "1", "e@x.org") == (second, 1)


def test_a_provider_that_changed_its_name_or_whose_name_was_not_noted(provider):
    sent = provider("SendinBlue", ("n1", "sent"))
    assert found("Brevo", "n1", "bob@example.com") == (sent, 1)
    ProviderMessage.objects.update(provider="")
    assert found("Brevo", "n1", "bob@example.com") == (sent, 1)


def test_by_the_message_id_where_the_provider_goes_by_that(with_mailers, provider):
    """As after the provider's SMTP servers, or before the answer is on record."""
    message = to("bob@example.com")
    message.extra_headers["Message-ID"] = "<one@shop.example.com>"
    sent = provider("Mailgun", (None, "rejected"), message)
    assert not ProviderMessage.objects.exists()
    assert found("Mailgun", "<one@shop.example.com>", "") == (sent, 1)
    assert found("Brevo", "one@shop.example.com", "") == (sent, 1)
    assert found("Brevo", "two@shop.example.com", "") is None
    assert found("Brevo", "one", "") is None


def metadata_of(provider):
    [(_, params)] = provider.seen
    return params.get("metadata")


def test_nothing_of_ours_is_told_unasked(provider):
    provider("Postmark", ("n1", "sent"))
    assert metadata_of(provider) is None


def test_by_our_id_in_the_metadata_where_the_answer_was_lost(provider, hook):
    from requests import ReadTimeout

    message = to("bob@example.com")
    message.metadata = {"order": 17}
    sent = provider(
        "Mandrill", ReadTimeout(), message, MAILPLUS={"ANYMAIL_METADATA": True}
    )
    assert metadata_of(provider) == {"order": 17, METADATA: str(sent.pk)}
    assert message.metadata == {"order": 17}
    assert not ProviderMessage.objects.exists()
    assert found("Mandrill", "n1", "", {METADATA: str(sent.pk)}) == (sent, 1)
    for said in ("", "1", None, 7, [], "0" * 32):
        assert found("Mandrill", "n1", "", {METADATA: said}) is None
    for nothing in (None, [], "x"):
        assert found("Mandrill", "n1", "", nothing) is None


def test_who_takes_no_metadata_is_told_none(provider):
    provider("Postal", ("1", "queued"), MAILPLUS={"ANYMAIL_METADATA": True})
    assert metadata_of(provider) is None


def test_what_goes_with_a_mail_goes_when_it_goes(provider, hook):
    sent = provider("Postmark", ("n1", "sent"))
    hook(*of_provider("Postmark", "soft", "n1"))
    assert TrackingEvent.objects.count() == ProviderMessage.objects.count() == 1
    age_all()
    retention.prune()
    assert not OutboxMessage.objects.filter(pk=sent.pk).exists()
    assert not TrackingEvent.objects.exists()
    assert not ProviderMessage.objects.exists()
    assert hook(*of_provider("Postmark", "soft", "n1")) == 200


def age_all():
    from datetime import timedelta

    from django.utils import timezone

    OutboxMessage.objects.update(finalised_at=timezone.now() - timedelta(days=40))


def test_and_when_only_its_key_is_left(provider, hook):
    message = to("bob@example.com")
    message.outbox = {"idempotency_key": "k1"}
    provider("Postmark", ("n1", "sent"), message)
    hook(*of_provider("Postmark", "soft", "n1"))
    age_all()
    retention.prune()
    assert OutboxMessage.objects.get().recipients == []
    assert not TrackingEvent.objects.exists()
    assert not ProviderMessage.objects.exists()


def test_a_mail_of_many_is_read_once(provider, django_assert_num_queries):
    many = {f"n{i}@x.org": ("1", "sent" if i else "queued") for i in range(20)}
    sent = provider("Test", many, to(*many))
    with django_assert_num_queries(2) as asked:
        assert found("Test", "1", "n7@x.org") == (sent, 20)
    read = [
        query["sql"]
        for query in asked
        if '"recipients"' in query["sql"].replace("`", '"')
    ]
    assert len(read) == 1
    assert "number" not in read[0]
