"""Contents of every kind, and what JSON has no values for."""

from __future__ import annotations

import email
import email.charset
import json
from datetime import UTC, date, datetime, timedelta, timezone
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from hashlib import sha256
from typing import Any

import pytest
from django.core.mail import (
    EmailAlternative,
    EmailAttachment,
    EmailMessage,
    EmailMultiAlternatives,
)
from django.db import models
from django.utils import translation
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from message.outcomes import outcome
from message.parts import PNG, forwarded_part, image, signed_part, text_part

from django_mailplus.compat import MODERN_MIME
from django_mailplus.exceptions import SnapshotError
from django_mailplus.message import wire
from django_mailplus.message.copying import freeze
from django_mailplus.message.parts import is_part
from django_mailplus.message.snapshot import (
    INLINE_LIMIT,
    differences,
    restore,
    take,
)


def build(**fields: Any) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        "Words", "Text\n", "ann@example.com", ["bob@example.com"]
    )
    vars(message).update(fields)
    return message


def stored(message: EmailMessage) -> EmailMessage:
    snapshot = take(message)
    text = json.dumps(snapshot.document, allow_nan=False)
    text.encode("ascii")
    # What PostgreSQL's jsonb and MySQL refuse.
    assert "\\u0000" not in text
    return restore(json.loads(text), snapshot.blobs.__getitem__)


def sent_the_same(message: EmailMessage) -> EmailMessage:
    restored = stored(message)
    assert differences(message, restored) == []
    wanted = outcome(wire.to_bytes, message)
    assert isinstance(wanted, bytes)
    assert outcome(wire.to_bytes, restored) == wanted
    return restored


# Texts


@pytest.mark.parametrize(
    "body",
    [
        "one\r\ntwo\rthree\nfour\x0b\u2028five",
        "{{ no }} {% template %}",
        "nul \0",
        "\ud800 \udce4",
        "漢字🙂",
        "",
        None,
        b"octets\xff",
        "x" * 100_000,
    ],
)
def test_a_body_stays_as_it_is(body):
    restored = stored(build(body=body, alternatives=[EmailAlternative(body, "text/a")]))
    assert restored.body == body
    assert type(restored.body) is type(body)
    assert restored.alternatives == [EmailAlternative(body, "text/a")]


def test_bodies_stand_in_the_document_whatever_their_size():
    snapshot = take(build(body="x" * 5000, alternatives=[("y" * 5000, "text/html")]))
    assert snapshot.blobs == {}
    assert snapshot.document["body"] == "x" * 5000


def test_a_lazy_text_is_taken_in_the_active_language():
    message = build(
        subject=gettext_lazy("Yes"),
        body=gettext_lazy("No"),
        to=[lazystr("bob@example.com")],
        extra_headers={"X-A": gettext_lazy("Monday")},
        metadata={"a": [gettext_lazy("Monday")]},
    )
    with translation.override("de"):
        restored = stored(message)
    assert restored.subject == "Ja"
    assert restored.body == "Nein"
    assert type(restored.to[0]) is str
    assert restored.extra_headers == {"X-A": "Montag"}
    assert restored.metadata == {"a": ["Montag"]}


def test_text_that_is_marked_as_safe_is_text():
    restored = sent_the_same(build(body=mark_safe("<p>")))
    assert type(restored.body) is str


def test_numbers_in_headers_stay_numbers():
    restored = stored(build(extra_headers={"X-A": 5, "X-B": None, "X-C": 1.5}))
    assert restored.extra_headers == {"X-A": 5, "X-B": None, "X-C": 1.5}


def test_headers_keep_their_order_where_a_database_sorts_keys():
    message = build(extra_headers={"X-B": "1", "X-A": "2"}, metadata={"b": 1, "a": 2})
    snapshot = take(message)
    document = json.loads(json.dumps(snapshot.document, sort_keys=True))
    restored = restore(document, snapshot.blobs.__getitem__)
    assert list(restored.extra_headers) == ["X-B", "X-A"]
    assert list(restored.metadata) == ["b", "a"]


class Category(models.TextChoices):
    NEWS = "news", "News"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (datetime(2026, 11, 21, 10, 0, 0, 7), datetime(2026, 11, 21, 10, 0, 0, 7)),  # noqa: DTZ001 (naive on purpose)
        (datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)),
        (
            datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        ),
        (date(2026, 11, 21), date(2026, 11, 21)),
        (1795000000, 1795000000),
        (0.1, 0.1),
        (2**70, 2**70),
        (-(2**63), -(2**63)),
        (True, True),
        ((1, ["a", {"b": None}]), (1, ["a", {"b": None}])),
        ({1: "a", "$dict": 2, None: 3}, {1: "a", "$dict": 2, None: 3}),
        (b"\xff", b"\xff"),
        (Category.NEWS, "news"),
    ],
)
def test_a_value_comes_back_as_it_was(value, wanted):
    restored = stored(build(send_at=value, anything={"of": [value]}))
    assert restored.send_at == wanted
    assert type(restored.send_at) is type(wanted)
    assert restored.anything == {"of": [wanted]}


@pytest.mark.parametrize(
    "legacy_default", [None, email.charset.QP, email.charset.BASE64]
)
def test_a_charset_of_its_own_is_kept(legacy_default):
    charset = email.charset.Charset("iso-8859-1")
    charset.body_encoding = legacy_default
    charset.output_charset = "utf-8"
    restored = stored(build(encoding=charset, body="Grüße")).encoding
    assert vars(restored) == vars(charset) | {"output_codec": "utf-8"}


def test_a_charset_of_its_own_writes_the_same():
    charset = email.charset.Charset("utf-8")
    charset.body_encoding = email.charset.QP
    message = build(encoding=charset, body="Grüße\n")
    wanted = outcome(wire.to_bytes, message)
    assert isinstance(wanted, bytes) is not MODERN_MIME  # Django 6.0 takes none
    if not MODERN_MIME:
        sent_the_same(message)


# Attachments

BIG = bytes(range(256)) * 5


@pytest.mark.parametrize(
    "attachment",
    [
        ("a.pdf", b"%PDF", "application/pdf"),
        ("a.pdf", BIG, "application/pdf"),
        ("a.pdf", bytearray(BIG), "application/pdf"),
        ("a.txt", "text ä\r\n", "text/plain"),
        ("a.txt", "text ä\r\n" * 200, "text/plain"),
        (None, "text", "text/plain"),
        ("ä.pdf", b"", "application/x-thing"),
        ("m.eml", "Subject: Hi\n\nä\n", "message/rfc822"),
        ("m.eml", b"Subject: Hi\n\n" + b"x\n" * 999, "message/rfc822"),
        EmailAttachment("a.csv", "a,b", "text/csv"),
    ],
)
def test_an_attachment_stays_as_it_is(attachment):
    restored = sent_the_same(build(attachments=[attachment]))
    assert restored.attachments == [attachment]
    assert type(restored.attachments[0]) is EmailAttachment


def test_an_attachment_without_a_type_comes_back_without_one():
    restored = stored(build(attachments=[("a.txt", None, None)]))
    assert restored.attachments == [EmailAttachment("a.txt", None, None)]


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_an_inline_image_is_what_this_django_attaches(modern, size):
    if modern and not MODERN_MIME:
        pytest.skip("before Django 6.0 such a part cannot be attached")
    part = image("<logo@example.com>", PNG * size, modern=modern)
    restored = sent_the_same(build(attachments=[part]))
    [given] = restored.attachments
    assert type(given) is (email.message.MIMEPart if MODERN_MIME else MIMEBase)
    assert given["Content-ID"] == "<logo@example.com>"
    assert given.get_content_disposition() == "inline"
    assert given.get_payload(decode=True) == PNG * size


def signed_with(*lines: str) -> MIMEMultipart:
    part = signed_part("words\n")
    part.preamble = part.epilogue = "Not for readers"
    part.get_payload(0)["X-Long"] = "".join(lines)
    part.attach(MIMEMultipart("mixed"))  # of no parts: Python reads one into it
    return part


PARTS = [
    signed_part("é"),
    signed_with("x" * 200),
    signed_with("words " * 40, "=?utf-8?q?=C3=A4?=" * 9),
    forwarded_part("Subject: a\n\nb\n"),
    text_part("Grüße\r\n", "utf-8", modern=MODERN_MIME),
]


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_a_part_that_was_built_by_hand_is_written_the_same(part):
    restored = sent_the_same(build(attachments=[part]))
    assert is_part(restored.attachments[0])


def related() -> MIMEMultipart:
    outer = MIMEMultipart("related")
    inner = MIMEMultipart("alternative")
    inner.attach(MIMEText("a"))
    inner.attach(MIMEText("<p>", "html"))
    outer.attach(inner)
    outer.attach(MIMEText("b"))
    return outer


def test_a_part_without_boundaries_gets_none_and_gives_the_same_each_time():
    part = related()
    snapshots = [take(build(attachments=[each])) for each in (part, part, related())]
    assert part.get_boundary() is None
    assert part.get_payload(0).get_boundary() is None
    assert snapshots[0] == snapshots[1] == snapshots[2]
    sent_the_same(build(attachments=[part]))


def test_a_large_content_is_a_blob_under_its_digest_and_once():
    data = b"x" * (INLINE_LIMIT + 1)
    message = build(
        attachments=[
            ("a.bin", data, "application/x-a"),
            ("b.bin", data, "application/x-a"),
            ("a.txt", data.decode(), "text/plain"),
            ("small.bin", data[:INLINE_LIMIT], "application/x-a"),
        ]
    )
    snapshot = take(message)
    digest = sha256(data).hexdigest()
    assert snapshot.blobs == {digest: data}
    assert snapshot.document["blobs"] == [digest]
    sent_the_same(message)


def test_a_message_within_a_message():
    inner = build(subject="Inner", bcc=["hidden@example.com"])
    inner.attachments = [("a.bin", b"x" * 5000, "application/x-a")]
    message = build(attachments=[(None, freeze(inner), "message/rfc822")])
    [given] = sent_the_same(message).attachments
    assert type(given.content) is EmailMultiAlternatives
    assert given.content.bcc == ["hidden@example.com"]


@pytest.mark.parametrize("lines", [1, 500])
def test_a_message_of_python_within_a_message(lines):
    inner = email.message_from_bytes(b"Subject: Hi\n\n" + "body ä\n".encode() * lines)
    message = build(attachments=[("m.eml", inner, "message/rfc822")])
    [given] = sent_the_same(message).attachments
    assert given.content["Subject"] == "Hi"


def test_an_alternative_of_bytes_is_a_blob():
    data = b"\xff" * 5000
    message = build(alternatives=[EmailAlternative(data, "application/x-a")])
    assert list(take(message).blobs.values()) == [data]
    assert sent_the_same(message).alternatives == [
        EmailAlternative(data, "application/x-a")
    ]


def test_the_representation_holds_nothing_of_the_mail():
    shown = repr(take(build(attachments=[("a", BIG, "a/b")])))
    assert shown == "<Snapshot of version 1, 1 blobs>"


# Refusals


UNWRITABLE = MIMEBase("application", "x-a")
UNWRITABLE.set_payload(5)


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def surrounding() -> EmailMessage:
    message = build()
    message.attachments = [(None, message, "message/rfc822")]
    return message


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (build(request=object()), "request is or holds a value of object"),
        (build(on_sent=lambda: None), "on_sent is or holds a value of function"),
        (build(metadata={"a": {1, 2}}), "metadata is or holds a value of set"),
        (build(metadata={"a": float("nan")}), "metadata .* not finite"),
        (build(subject=object()), "subject is or holds a value of object"),
        (build(to="bob@example.com"), "to is a str where a list belongs"),
        (build(cc=None), "cc is a NoneType where a list belongs"),
        (build(bcc={"a@example.com"}), "bcc is a set where a list belongs"),
        (build(extra_headers={1: "a"}), "extra_headers has a name that is no text"),
        (
            build(extra_headers=[("a", "b")]),
            "extra_headers is or holds a value of list",
        ),
        (build(attachments=["a.txt"]), r"attachments\[0\] is neither a part"),
        (build(attachments=iter([1])), "attachments is a list_iterator where"),
        (
            build(attachments=[("a", build(x=object()), "message/rfc822")]),
            r"attachments\[0\].x is or holds a value of object",
        ),
        (
            build(attachments=[("a", object(), "a/b")]),
            r"attachments\[0\] is or holds a value of object",
        ),
        (build(alternatives=["<p>"]), r"alternatives\[0\] is no pair"),
        (build(attachments=[UNWRITABLE]), r"attachments\[0\] cannot be wri"),
        (build(send="now"), "send replaces a method"),
        (build(metadata=endless()), "holds itself"),
        (surrounding(), "holds itself"),
        (object(), "A object is no message"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(message, where):
    with pytest.raises(SnapshotError, match=where) as caught:
        take(message)
    assert "example.com" not in str(caught.value)


def test_an_open_file_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.touch()
    with path.open("rb") as file, pytest.raises(SnapshotError, match="BufferedReader"):
        take(build(attachments=[("a.txt", file, "text/plain")]))
