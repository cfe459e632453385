from __future__ import annotations

import copy
import re

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.message.copying import copy_message, freeze
from django_mailplus.message.envelope import envelope_of
from django_mailplus.message.wire import to_bytes


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


def frozen_and_original(**changes):
    message = EmailMessage(
        "s", "b", "a@example.com", ["b@example.com"], headers={"X-A": "1"} | changes
    )
    return freeze(message), message


def test_a_frozen_message_is_written_the_same_at_every_try():
    frozen, message = frozen_and_original()
    assert to_bytes(frozen) == to_bytes(frozen) == to_bytes(freeze(frozen))
    assert to_bytes(message) != to_bytes(message)
    assert message.extra_headers == {"X-A": "1"}


def test_a_frozen_message_is_written_as_django_would_have_written_it():
    frozen, message = frozen_and_original()
    stamps = re.compile(rb"(?<=\nDate: )\w[^\r]+|(?<=\nMessage-ID: <)\d+\.\d+\.\d+")
    assert stamps.sub(b"", to_bytes(frozen)) == stamps.sub(b"", to_bytes(message))
    assert len(stamps.findall(to_bytes(frozen))) == 2


def test_stamps_of_the_callers_own_stay_where_they_are():
    own = {"date": "Fri, 21 Nov 2025 10:00:00 +0000", "MESSAGE-ID": "<1@example.com>"}
    frozen, _ = frozen_and_original(**own)
    assert frozen.extra_headers == {"X-A": "1"} | own
    assert list(freeze(frozen).extra_headers) == ["X-A", "date", "MESSAGE-ID"]
