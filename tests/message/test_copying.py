from __future__ import annotations

import copy

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.message.copying import copy_message
from django_mailplus.message.envelope import envelope_of


def test_changing_the_copy_leaves_the_original_alone():
    message = EmailMultiAlternatives(
        "s", "b", to=["a@example.com"], headers={"X-A": "1"}
    )
    message.attach("a.txt", "text", "text/plain")
    message.attach_alternative("<p>b</p>", "text/html")
    before = copy.deepcopy(message.__dict__)
    copied = copy_message(message)
    for name in ("to", "cc", "bcc", "reply_to", "attachments", "alternatives"):
        getattr(copied, name).append("more")
    copied.extra_headers["X-B"] = "2"
    copied.subject = "other"
    assert message.__dict__ == before


def test_the_copy_is_of_the_same_class_and_keeps_extra_attributes():
    class Order(EmailMessage):
        pass

    message = Order("s", "b", to=["a@example.com"])
    message.tags = ["order"]
    copied = copy_message(message)
    assert type(copied) is Order
    assert copied.tags == ["order"]


def test_the_copy_does_not_lead_back_to_the_callers_connection():
    message = EmailMessage("s", "b", to=["a@example.com"])
    for name in ("connection", "_connection"):
        if name in message.__dict__:
            message.__dict__[name] = object()
    copied = copy_message(message)
    assert [copied.__dict__.get(name) for name in ("connection", "_connection")] == [
        None,
        None,
    ]


def test_an_envelope_has_bare_addresses_in_order():
    message = EmailMessage(
        "s",
        "b",
        "Ann <ann@example.com>",
        ["Bob <bob@example.com>"],
        bcc=["dave@example.com"],
    )
    message.cc = ["broken <"]
    envelope = envelope_of(message)
    assert envelope.mail_from == "ann@example.com"
    assert envelope.rcpt_to == ("bob@example.com", "broken <", "dave@example.com")
    assert "example.com" not in repr(envelope)


def test_what_packages_put_on_a_message_is_the_copys_own():
    message = EmailMessage("s", "b", "a@example.com", ["b@example.com"])
    message.tags, message.metadata = ["one"], {"order": 1}
    copied = copy_message(message)
    copied.tags.append("two")
    copied.metadata["order"] = 2
    assert (message.tags, message.metadata) == (["one"], {"order": 1})
