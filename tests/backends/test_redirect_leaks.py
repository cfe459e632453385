"""Ways in which somebody real might be named all the same."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.functional import lazystr

from django_mailplus.compat import get_mailer
from django_mailplus.message.carried import FinishedMessage
from django_mailplus.message.copying import copy_message
from django_mailplus.message.finished import rename_headers
from django_mailplus.message.redirecting import Guard
from django_mailplus.message.wire import to_bytes

TEAM, REAL, EVE = "team@example.com", "bob@real.example", "eve@example.org"


@pytest.fixture
def prepared(with_mailers):
    """What a redirect makes of a message."""
    redirect = "django_mailplus.backends.redirect.EmailBackend"
    locmem = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}

    def prepared(message: EmailMessage, **options: Any) -> Any:
        options = {"using": "end", "to": TEAM, "allow": "example.org", **options}
        with_mailers(
            {"default": {"BACKEND": redirect, "OPTIONS": options}, "end": locmem}
        )
        return get_mailer("default").prepare(copy_message(message))

    return prepared


def letter(to: Any = REAL, kind: Any = EmailMultiAlternatives, **fields: Any) -> Any:
    return kind("Hello", "Body", "ann@example.com", [to], **fields)


def head(message: EmailMessage) -> dict[str, str]:
    data = to_bytes(message).partition(b"\r\n\r\n")[0]
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    return {
        name: str(value)
        for name, value in parsed.items()
        if not name.lower().startswith("x-original-")
    }


@pytest.mark.parametrize("to", [REAL, EVE], ids=["to others", "to the allowed"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("esp_extra", {"cc": REAL}),
        ("esp_extra", {"to": [lazystr(REAL)]}),
        ("esp_extra", {"to": "bob(c)@real.example"}),
        ("esp_extra", {"to": '"bob b"@real.example'}),
        ("esp_extra", {"to": "bob@[192.0.2.1]"}),
        ("esp_extra", {"to": b"bob@real.example"}),
        ("esp_extra", {"raw": '{"bcc": ["bob@real.example"]}'}),
        ("metadata", {"link": "https://example.com/?who=bob%40real.example&a=1"}),
        ("merge_global_data", {"who": "bob&#64;real.example"}),
        ("tags", [lazystr(f"for {REAL}")]),
        ("personalizations", [{"to": [{"email": REAL}]}]),
        ("template_data", {"who": REAL}),
    ],
)
def test_no_api_is_told_of_anybody(prepared, to, name, value):
    message = letter(to)
    setattr(message, name, value)
    told = getattr(prepared(message), name)
    for word in ("bob", "real.example", "192.0.2.1"):
        assert word not in str(told)
    assert getattr(message, name) == value


@dataclass
class Personalization:
    tos: list[dict[str, str]] = field(default_factory=list)


class Opaque:
    def __init__(self, *tos: str) -> None:
        self._tos = [{"email": to} for to in tos]


@pytest.mark.parametrize("kind", [Personalization, Opaque])
def test_an_object_that_names_somebody_is_left_out(prepared, kind):
    message = letter()
    one = kind([{"email": REAL}]) if kind is Personalization else kind(REAL)
    message.personalizations = [one]
    assert prepared(message).personalizations == [None]


def test_an_object_without_end_is_left_out(prepared):
    message = letter(EVE)
    message.personalizations = end = Opaque()
    for _ in range(5000):
        end.next = end = Opaque()
    assert prepared(message).personalizations is None


def test_what_names_nobody_stays(prepared):
    message, anything = letter(EVE), Opaque(EVE)
    message.metadata = {"n": 1, "of": ("a", EVE), "at": "half @ noon", "o": anything}
    message.merge_data = {EVE: {"link": "https://example.com/?who=eve%40example.org"}}
    got = prepared(message)
    assert got.metadata == message.metadata
    assert got.merge_data == message.merge_data


@pytest.mark.parametrize("to", [REAL, EVE], ids=["to others", "to the allowed"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-MC-BccAddress", REAL),
        ("X-SMTPAPI", '{"to": ["bob@real.example"]}'),
        ("X-Customer", "=?utf-8?q?bob=40real.example?="),
        ("X-Customer", "bob(his own)@real.example"),
        ("X-Unsubscribe", "<https://example.com/?who=bob%40real.example>"),
        ("to", REAL),
        ("BCC", lazystr(REAL)),
    ],
)
def test_no_header_names_anybody(prepared, to, name, value):
    got = prepared(letter(to, headers={name: value}))
    for value in head(got).values():
        assert "bob" not in value
        assert "real.example" not in value
    assert f"X-Original-{name}" in got.extra_headers


def test_a_space_before_the_colon_hides_no_header(prepared):
    got = prepared(letter(EVE, headers={"Bcc ": REAL}))
    assert REAL not in [*got.extra_headers.get("Bcc ", [])]
    assert got.extra_headers["X-Original-Bcc"] == REAL


def test_headers_of_the_sender_stay(prepared):
    headers = {
        "List-Unsubscribe": "<mailto:off@example.com>",
        "Message-ID": "<1@example.com>",
        "To": "Eve <eve@example.org>",
        "X-Order": "1",
    }
    got = prepared(letter(EVE, headers=headers))
    assert got.extra_headers == headers


@pytest.mark.parametrize(
    ("to", "written"),
    [
        ("bob@xn--bcher-kva.example", "bob@bücher.example"),
        ("bob@bücher.example", "BOB@xn--bcher-kva.example"),
        (REAL, "=?utf-8?q?bob=40real.example?="),
        (REAL, "bob\uff20real.example"),
        ('"bob b"@real.example', '"bob b"@real.example'),
    ],
)
def test_no_subject_names_anybody(prepared, to, written):
    message = letter(to)
    message.subject = f"For {written}"
    assert prepared(message).subject in (
        f"[redirected] For {TEAM}",
        f"[redirected] {TEAM}",
    )


@pytest.mark.parametrize(
    ("allow", "address"),
    [
        ("strasse.example", "bob@straße.example"),  # newer software: xn--strae-oqa
        ("boss@example.org", "boß@example.org"),
        ("kate@example.org", "\u212aate@example.org"),
        ("example.org", "bob\uff20real.example@example.org"),
        ("example.org", "=?utf-8?q?bob=40real.example=2C?= <eve@example.org>"),
    ],
)
def test_who_looks_alike_is_another_one(allow, address):
    assert not Guard(allow=(allow,)).allows(address)


def test_no_attachment_is_called_as_somebody(prepared):
    message = letter()
    message.attach("Bill of bob@real.example.txt", "Text", "text/plain")
    message.attach("logo@2x.png", b"", "image/png")
    message.attach(None, b"", "image/png")
    names = [attachment[0] for attachment in prepared(message).attachments]
    assert names == [f"Bill of {TEAM}.txt", "logo@2x.png", None]
    assert message.attachments[0][0] == "Bill of bob@real.example.txt"


class Stubborn(EmailMultiAlternatives):
    """Goes to the same people whatever is set."""

    to = property(lambda self: [REAL], lambda self, value: None)


class Evasive(EmailMultiAlternatives):
    def __setattr__(self, name, value):
        if name != "bcc" or "bcc" not in vars(self):
            super().__setattr__(name, value)


class Told(EmailMultiAlternatives):
    metadata = property(lambda self: {"who": REAL}, lambda self, value: None)


@pytest.mark.parametrize("kind", [Stubborn, Evasive, Told])
def test_a_class_that_takes_no_orders_is_held(prepared, kind):
    got = prepared(letter(kind=kind, bcc=[REAL]))
    assert got.recipients() == [TEAM]
    assert REAL not in str(getattr(got, "metadata", ""))


class Restless:
    """Reads as somebody else each time."""

    def __init__(self) -> None:
        self.reads = 0

    def __str__(self) -> str:
        self.reads += 1
        return EVE if self.reads < 6 else REAL


def test_whoever_was_looked_at_gets_it(prepared):
    got = prepared(letter(Restless(), cc=[REAL]))
    assert set(got.recipients()) <= {EVE, TEAM}


def test_alternatives_that_are_plain_pairs(prepared):
    message = letter()
    message.alternatives = ((pair := ("<p>Hi</p>", "text/html")),)
    [(content, _)] = prepared(message).alternatives
    assert "redirected" in content
    assert message.alternatives == (pair,)


def test_an_envelope_sender_of_the_class(prepared, settings):
    kind = type("Bounced", (EmailMultiAlternatives,), {"envelope_sender": REAL})
    settings.DEFAULT_FROM_EMAIL = "Shop <shop@example.com>"
    assert prepared(letter(kind=kind)).envelope_sender == "shop@example.com"


FINISHED = {
    "LF": b"To: bob@real.example\nX-A: 1\n\nText\n",
    "CR": b"To: bob@real.example\rX-A: 1\r\rText",
    "CRLF behind LF": b"To: bob@real.example\nX-A: 1\n\nCc: x@y\r\n\r\nText",
    "no body": b"X-A: 1\r\nTo: bob@real.example",
    "space": b"X-A: 1\r\nTo : bob@real.example\r\nBcc\t: bob@real.example\r\n\r\n",
    "folded": b"To:\r\n Bob\r\n <bob@\r\n real.example>\r\nX-A: 1\r\n\r\nText",
    "twice": b"To: bob@real.example\r\nX-A: 1\r\nTO: bob@real.example\r\n\r\nText",
    "a CR": b"X-A: 1\rTo: bob@real.example\r\nCc: a\rX: bob@real.example\r\n\r\nText",
    "no header": b"X-A: 1\r\nbob@real.example\r\nTo: bob@real.example\r\n\r\nText",
    "8 bit": b"X-A: 1\r\nTo: B\xf6b <bob@real.example>\r\n\r\nText",
}


@pytest.mark.parametrize("data", FINISHED.values(), ids=FINISHED)
def test_bytes_name_nobody_in_their_header(data):
    made = rename_headers(
        data,
        lambda name, text: (
            name.lower() in ("to", "cc", "bcc") or "bob@" in text.lower()
        ),
        add={"To": [TEAM, "é@example.org"]},
    )
    top, _, body = made.partition(b"\r\n\r\n")
    for line in top.split(b"\r\n"):
        if b"real.example" in line:
            assert line.startswith((b"X-Original-", b" "))
    parsed = email.message_from_bytes(made)
    assert data.endswith(body)
    named = [name.lower() for name, text in parsed.items() if "real" in str(text)]
    assert all(name.startswith("x-original-") for name in named)
    assert parsed.get_all("To") == [TEAM]


def test_names_in_other_alphabets_cost_no_mail(prepared):
    message = FinishedMessage(b"To: bob@real.example\nFrom: bob@real.example\n\nText\n")
    message.to, message.cc = [REAL], ["Zoë <eve@example.org>"]
    message.from_email = "Änn <ann@example.com>"
    got = head(prepared(message))
    assert got["To"] == TEAM
    assert got["From"] == "ann@example.com"


def test_bytes_to_the_allowed_name_nobody_else(prepared):
    message = FinishedMessage(
        b"To: Eve <eve@example.org>\nCc: bob@real.example\n\nText\n"
    )
    message.to = [EVE]
    got = head(prepared(message))
    assert got["To"] == "Eve <eve@example.org>"
    assert "Cc" not in got
