"""Subclasses, and attributes that packages and projects put on messages."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr
from message.outcomes import as_django, outcome

from django_mailplus.exceptions import SnapshotError
from django_mailplus.message import wire
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.copying import copy_message, freeze
from django_mailplus.message.envelope import envelope_of
from django_mailplus.message.snapshot import differences, restore, take


def stored(message: EmailMessage) -> EmailMessage:
    snapshot = take(message)
    document = json.loads(json.dumps(snapshot.document, allow_nan=False))
    return restore(document, snapshot.blobs.__getitem__)


def build(kind: Any, **fields: Any) -> Any:
    message = kind("Words", "Text\n", "ann@example.com", ["bob@example.com"])
    vars(message).update(fields)
    return message


class Order(EmailMultiAlternatives):
    """Nothing here decides what is sent."""

    content_subtype = "html"
    tags = ("order",)
    stream = "outbound"
    PATTERN = re.compile("x")  # a constant of the code

    def attach_invoice(self) -> None:
        self.attach("a.pdf", b"%PDF", "application/pdf")

    def send(self, *args: Any, **kwargs: Any) -> int:
        return super().send(*args, **kwargs)

    @property
    def body_length(self) -> int:
        return len(self.body)


def test_a_class_that_leaves_writing_to_django_comes_back_as_djangos():
    message = build(Order, template="order.html")
    message.attach_invoice()
    restored = stored(message)
    assert type(restored) is EmailMultiAlternatives
    assert restored.content_subtype == "html"
    assert restored.tags == ("order",)
    assert restored.stream == "outbound"
    assert restored.template == "order.html"
    assert not hasattr(restored, "PATTERN")
    assert not hasattr(restored, "body_length")
    assert outcome(wire.to_bytes, restored) == outcome(wire.to_bytes, message)
    assert differences(message, restored) == []


class Rendered(EmailMessage):
    """Computes what Django reads from attributes."""

    @property
    def body(self) -> str:
        return "rendered\n"

    @body.setter
    def body(self, value: str) -> None:
        pass

    @property
    def metadata(self) -> dict[str, int]:
        return {"order": 5}


def test_a_property_is_taken_as_it_reads():
    restored = stored(build(Rendered))
    assert type(restored) is EmailMessage
    assert restored.body == "rendered\n"
    assert restored.metadata == {"order": 5}


class Always(EmailMessage):
    def recipients(self) -> list[str]:
        return ["always@example.com", *super().recipients()]


@pytest.mark.parametrize("kind", [Always, EmailMultiAlternatives])
def test_recipients_of_its_own_are_frozen(kind):
    message = build(kind)
    if kind is not Always:
        message.recipients = lambda: ["always@example.com", "bob@example.com"]
    restored = stored(message)
    assert restored.recipients() == ["always@example.com", "bob@example.com"]
    assert restored.to == ["bob@example.com"]
    assert envelope_of(restored) == envelope_of(message)
    assert outcome(wire.to_bytes, restored) == outcome(wire.to_bytes, message)
    assert isinstance(restored, EmailMultiAlternatives) is (kind is not Always)
    again = stored(copy_message(restored))
    assert again.recipients() == restored.recipients()
    assert differences(message, again) == differences(restored, again) == []


class Signed(EmailMultiAlternatives):
    """Its attributes are for its own use; no JSON has them."""

    key: Any = None

    def message(self, **how: Any) -> Any:
        written = super().message(**how)
        written["X-Signature"] = "s" * 200
        return written


class SignedForAll(Signed, Always):
    pass


class OwnBodies(EmailMessage):
    def _create_message(self, msg: Any) -> Any:  # of Django 5.2
        msg["X-Own"] = "yes"
        return super()._create_message(msg)

    def _add_bodies(self, msg: Any) -> None:  # since Django 6.0
        msg["X-Own"] = "yes"
        super()._add_bodies(msg)


@pytest.mark.parametrize("kind", [Signed, SignedForAll, OwnBodies])
def test_a_class_that_writes_itself_comes_back_as_its_bytes(kind):
    message = freeze(build(kind, key=object(), bcc=["eve@example.com"], tags=["a"]))
    restored = stored(message)
    data = wire.to_bytes(message)
    assert re.search(b"^X-(Own|Signature)", data, re.M)
    assert isinstance(restored, FinishedMessage)
    assert wire.to_bytes(restored) == data
    assert as_django(restored) == data
    assert restored.message()["Subject"] == "Words"
    assert restored.bcc == ["eve@example.com"]
    assert restored.tags == ["a"]
    assert not hasattr(restored, "key")
    assert restored.extra_headers == message.extra_headers
    assert envelope_of(restored) == envelope_of(message)
    assert differences(message, restored) == []
    again = stored(copy.copy(restored))
    assert wire.to_bytes(again) == data
    assert differences(restored, again) == []


def test_a_method_put_on_one_message_makes_it_one_that_writes_itself():
    message = build(EmailMessage)
    other = freeze(build(EmailMessage, subject="Other"))
    message.message = other.message
    assert wire.to_bytes(stored(message)) == wire.to_bytes(other)


@pytest.mark.parametrize("name", ["body", "alternatives", "attachments"])
def test_finished_bytes_have_no_contents_that_could_be_sent_in_their_place(name):
    restored = stored(build(Signed))
    with pytest.raises(SnapshotError, match="comes back from its snapshot as finished"):
        getattr(restored, name, None)


def test_an_error_of_a_class_that_writes_itself_is_its_own():
    with pytest.raises(ValueError, match=r"newline|linefeed") as caught:
        take(build(Signed, subject="a\nBcc: eve@example.com"))
    assert not isinstance(caught.value, SnapshotError)


# django-anymail, which tells its own message class by nothing but its attributes

UNSET = type("UNSET", (object,), {})
ANYMAIL = {
    "esp_extra": {"ip_pool": "a", "nested": {"list": [1, None, lazystr("b")]}},
    "envelope_sender": "bounces@example.com",
    "metadata": {"order": 4711, "paid": True},
    "send_at": datetime(2026, 11, 21, 10, tzinfo=UTC),
    "tags": ["order", lazystr("paid")],
    "track_clicks": False,
    "track_opens": True,
    "template_id": 12345,
    "merge_data": {"bob@example.com": {"name": "Bob"}},
    "merge_global_data": {"shop": "Fern"},
    "merge_headers": {"bob@example.com": {"List-Unsubscribe": "<https://x.y/1>"}},
    "merge_metadata": {"bob@example.com": {"id": 1}},
}


class AnymailMixin(EmailMessage):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for name in ANYMAIL:
            setattr(self, name, kwargs.pop(name, UNSET))
        self.anymail_status = object()
        super().__init__(*args, **kwargs)


class AnymailMessage(AnymailMixin, EmailMultiAlternatives):
    pass


@pytest.mark.parametrize("kind", [EmailMessage, AnymailMessage])
def test_attributes_for_anymail_are_kept(kind):
    message = build(kind, **ANYMAIL)
    restored = stored(message)
    assert {name: getattr(restored, name) for name in ANYMAIL} == ANYMAIL
    assert not hasattr(restored, "anymail_status")
    assert differences(message, restored) == []


def test_what_is_unset_for_anymail_stays_unset():
    message = build(AnymailMessage, template_id="t", body=None, from_email=None)
    restored = stored(message)
    assert type(restored) is EmailMultiAlternatives
    assert restored.template_id == "t"
    assert restored.body is None
    assert restored.from_email is None
    assert [name for name in ANYMAIL if hasattr(restored, name)] == ["template_id"]


def test_how_a_message_was_sent_stays_behind():
    message = build(
        EmailMessage, delivery_result=object(), outbox=object(), mailplus_job=object()
    )
    for name in ("connection", "_connection"):
        if name in vars(message):
            vars(message)[name] = object()
    restored = stored(message)
    assert vars(restored).keys() == vars(EmailMessage()).keys()
    assert not vars(restored).get("connection", vars(restored).get("_connection"))


# What was an undocumented attribute before Django 6.0, and is refused when it is sent since


@pytest.mark.parametrize("name", ["mixed_subtype", "alternative_subtype"])
def test_a_subtype_is_kept_where_it_is_set(name):
    assert getattr(stored(build(EmailMultiAlternatives, **{name: "x"})), name) == "x"
    assert name not in take(build(EmailMultiAlternatives)).document


# Differences


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"subject": "Other"}, ["subject"]),
        ({"to": []}, ["to"]),
        ({"to": ("bob@example.com",)}, ["to"]),
        ({"bcc": ["eve@example.com"], "body": ""}, ["body", "bcc"]),
        ({"extra_headers": {"X-A": "1"}}, ["extra_headers"]),
        ({"tags": ["a"], "metadata": {}}, ["tags", "metadata"]),
        ({"attachments": [("a", b"x" * 9999, "a/b")]}, ["attachments"]),
        (
            {"encoding": "utf-8", "content_subtype": "html"},
            ["encoding", "content_subtype"],
        ),
    ],
)
def test_differences_are_told_by_name(changes, names):
    message = build(EmailMessage)
    assert differences(message, build(EmailMessage, **changes)) == names
    assert sorted(differences(build(EmailMessage, **changes), message)) == sorted(names)


def test_another_class_and_other_bytes_are_differences():
    assert "class" in differences(build(EmailMessage), build(EmailMultiAlternatives))
    one, other = (freeze(build(Signed, body=body)) for body in ("a\n", "b\n"))
    assert differences(stored(one), stored(other)) == ["finished", "extra_headers"]
