"""to_bytes() writes what Django's own SMTP backend would send, or raises what it raises."""

from __future__ import annotations

import base64
import copy
import dataclasses
import os
import re
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.mime.base import MIMEBase
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.utils import DNS_NAME
from hypothesis import HealthCheck, given, settings
from message.everyday import everyday_letters
from message.letters import Letter, letters
from message.outcomes import GENERATED, as_django, outcome, pinned_ids
from message.parts import PNG, image

from django_mailplus.compat import MODERN_MIME
from django_mailplus.message import attached, folding, wire
from django_mailplus.message.pristine import writes_as_django

EXAMPLES = int(os.environ.get("MAILPLUS_WIRE_EXAMPLES", "500"))


@pytest.fixture(autouse=True)
def first_message_of_the_process_is_over() -> None:
    """What is found out once is not to be found out while a test pins something."""
    wire._agrees()


def same(letter: Letter) -> Any:
    stock, ours = letter.build(), letter.build()
    wanted = outcome(as_django, stock)
    got = outcome(wire.to_bytes, ours)
    assert got == wanted
    if letter.attachments:
        # A boundary that Python gave to a given part stays on it, as with Django.
        assert outcome(as_django, ours) == outcome(as_django, stock)
    return wanted


ANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.timeout(0)
@ANY
@given(letters())
def test_any_message_is_what_django_would_send(letter):
    same(letter)


@pytest.mark.timeout(0)
@ANY
@given(everyday_letters())
def test_everyday_mail_is_written_here_and_is_what_django_would_send(letter):
    wire._compose(letter.build())  # raises for what is left to Django
    assert isinstance(same(letter), bytes)


def message(**changes: Any) -> EmailMultiAlternatives:
    arguments = {
        "subject": "Words",
        "body": "Text\n",
        "from_email": "Ann <ann@example.com>",
        "to": ["Bob <bob@example.com>"],
    }
    return EmailMultiAlternatives(**arguments | changes)


def full_message(number: int) -> EmailMultiAlternatives:
    full = message(
        subject=f"Bestellung {number} für Sie",
        from_email="Käsehaus <ann@example.com>",
        to=[f"Jörg Müller <joerg{number}@example.com>"],
        headers={"X-Order": str(number)},
    )
    full.body = f"Größe {number}\n"
    full.attach_alternative(f"<p>Größe {number} {'lang ' * 30}</p>", "text/html")
    full.attach(f"invoice-{number:04}.pdf", b"%PDF" + b"x" * 999, "application/pdf")
    full.attachments.append(image("<logo>", PNG, modern=MODERN_MIME))
    return full


def test_a_batch_needs_no_parser_and_no_generator(monkeypatch):
    logo = image("<logo>", PNG, modern=MODERN_MIME)
    batch = [full_message(number) for number in range(3)]
    for one in batch:
        one.attachments[-1] = logo
        one.extra_headers["Date"] = "Fri, 21 Nov 2025 10:00:00 +0000"
    wire.to_bytes(batch[0])
    wanted = outcome(as_django, batch[2])

    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("Python's email was asked")

    for name in ("email.generator.Generator.flatten", "email.message.Message.__init__"):
        monkeypatch.setattr(name, never)
    assert outcome(wire.to_bytes, batch[2]) == wanted


def test_a_shared_attachment_is_encoded_once(monkeypatch):
    encoded = []
    work = attached.base64_lines
    monkeypatch.setattr(
        attached, "base64_lines", lambda data: encoded.append(data) or work(data)
    )
    content = os.urandom(100_000)
    for copy_of_it in (content, content, bytes(bytearray(content))):
        one = message()
        one.attach("a.bin", copy_of_it, "application/octet-stream")
        assert base64.encodebytes(content).replace(b"\n", b"\r\n") in wire.to_bytes(one)
    assert encoded == [content]


@pytest.mark.parametrize("length", range(1, 70))
def test_a_message_id_breaks_its_line_where_django_breaks_it(monkeypatch, length):
    monkeypatch.setattr(
        DNS_NAME, "_fqdn", ("h" * length)[:63] + ".x" * 4, raising=False
    )
    with pinned_ids():
        for _ in range(2):
            assert GENERATED.sub(b"", wire.to_bytes(message())) == GENERATED.sub(
                b"", as_django(message())
            )


@pytest.mark.parametrize("local", [True, False])
def test_the_date_is_in_the_zone_that_django_writes(settings, local):
    settings.EMAIL_USE_LOCALTIME = local
    settings.TIME_ZONE = "Asia/Kathmandu"
    dates = [
        re.search(rb"\nDate: (.*)\r\n", write(message()))[1].decode()
        for write in (as_django, wire.to_bytes)
    ]
    stock, ours = map(parsedate_to_datetime, dates)
    assert dates[0][-5:] == dates[1][-5:]
    assert abs((ours - stock).total_seconds()) < 60


INJECTIONS = [
    {"subject": "a\nBcc: x@example.com"},
    {"from_email": "a@example.com\r\nBcc: x@example.com"},
    {"to": ["a@example.com\nBcc: x@example.com"]},
    {"reply_to": ["A\rB <a@example.com>"]},
    {"headers": {"X-A": "a\nB: c"}},
    {"headers": {"Message-ID": "<a\nb@c>"}},
]


@pytest.mark.parametrize("changes", INJECTIONS)
def test_a_newline_in_a_header_raises_what_django_raises(changes):
    error = outcome(wire.to_bytes, message(**changes))
    assert error == outcome(as_django, message(**changes))
    assert issubclass(error[0], ValueError)


def test_the_message_stays_as_it_is():
    one = full_message(1)
    before = copy.copy(vars(one)) | {
        name: copy.copy(getattr(one, name))
        for name in ("to", "attachments", "alternatives", "extra_headers")
    }
    wire.to_bytes(one)
    assert vars(one) == before


class Shouting(EmailMessage):
    def message(self, **how):
        written = super().message(**how)
        written["X-Loud"] = "yes"
        return written


class WithoutPolicy(EmailMessage):
    def message(self):
        return super().message()


class OtherBodies(EmailMultiAlternatives):
    """Overrides what only Django's own methods call, on each Django another one."""

    def _create_message(self, msg):
        msg["X-Own"] = "yes"
        return super()._create_message(msg)

    def _add_bodies(self, msg):
        msg["X-Own"] = "yes"
        super()._add_bodies(msg)


class Plain(EmailMultiAlternatives):
    """Changes nothing of how it is written."""

    def recipients(self):
        return ["always@example.com"]


@pytest.mark.parametrize("kind", [Shouting, WithoutPolicy, OtherBodies, Plain])
def test_a_class_that_writes_itself_does_so_as_with_django(kind):
    def build() -> EmailMessage:
        return kind("Words", "Text", "ann@example.com", ["bob@example.com"])

    assert outcome(wire.to_bytes, build()) == outcome(as_django, build())
    assert writes_as_django(build()) == (kind is Plain)


def test_a_method_put_on_one_message_is_called():
    one = message()
    one.message = lambda **how: message(subject="Other").message(**how)
    assert b"\nSubject: Other\r" in wire.to_bytes(one)


def test_an_unknown_policy_is_refused_by_name():
    with pytest.raises(ValueError, match=r"policy='nonsense' is not among \['smtp'"):
        wire.to_bytes(message(), policy="nonsense")


@pytest.mark.skipif(not MODERN_MIME, reason="before Django 6.0 there are no policies")
def test_a_server_that_takes_utf8_gets_utf8():
    one = message(subject="Grüße", to=["jörg@bücher.example"])
    data = wire.to_bytes(one, policy="smtputf8").decode()
    assert "\nSubject: Grüße\r\n" in data
    assert "\nTo: jörg@bücher.example\r\n" in data


def test_a_boundary_that_occurs_in_a_part_is_not_taken(monkeypatch):
    draws = iter([5, 6])
    monkeypatch.setattr("random.randrange", lambda *limits: next(draws))
    taken = "=" * 15 + "5".rjust(19, "0") + "=="
    one = message(body=f"A\n--{taken}\nB")
    one.attach_alternative("<p>", "text/html")
    first, second = message_from_bytes(wire.to_bytes(one)).get_payload()
    assert taken in first.get_payload()
    assert second.get_payload().strip() == "<p>"


def test_what_can_be_read_once_is_left_to_django():
    def build() -> EmailMessage:
        one = message(subject=7)  # Django takes it, and here it is not plain
        one.attachments = [iter(("a.pdf", b"data", "application/pdf"))]
        return one

    assert outcome(wire.to_bytes, build()) == outcome(as_django, build())


def test_a_part_without_a_type_has_the_type_of_its_default():
    def build() -> EmailMessage:
        part = MIMEBase("application", "x")
        del part["Content-Type"]
        part.set_default_type("message/rfc822")
        part.set_payload("Subject: a\n\nb\n")
        one = message()
        one.attachments = [part]
        return one

    assert outcome(wire.to_bytes, build()) == outcome(as_django, build())


def test_threads_share_what_was_worked_out_and_nothing_else():
    batch = [full_message(number) for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        written = list(threads.map(wire.to_bytes, batch * 3))
    for number, data in enumerate(written):
        assert f"joerg{number % 40}@".encode() in data
        assert f'"invoice-{number % 40:04}.pdf"'.encode() in data


def test_this_django_and_this_python_are_known():
    assert wire._agrees()


@pytest.mark.parametrize("length", [20, 24, 25, 31, 37, 38, 63])
def test_a_host_with_a_long_name_is_no_other_django(monkeypatch, length):
    name = "h" * (length - 3) + ".xy"
    monkeypatch.setattr(DNS_NAME, "_fqdn", name, raising=False)
    assert all(wire._agrees.__wrapped__() for _ in range(5))


def test_a_django_that_writes_otherwise_is_left_to_write_alone(monkeypatch, caplog):
    dialect = wire._dialect()
    stock = dataclasses.replace(
        dialect, as_django=lambda message, policy: as_django(message) + b"new\r\n"
    )
    monkeypatch.setattr(wire, "_dialect", lambda: stock)
    monkeypatch.setattr(wire, "_agrees", wire._agrees.__wrapped__)
    assert wire.to_bytes(message()).endswith(b"new\r\n")
    assert "in a way that django-mailplus does not know" in caplog.text


def test_a_python_that_folds_otherwise_is_asked_for_every_header():
    fold = folding.folding(
        lambda name, value, charset: b"ours\r\n", lambda *header: b"python's\r\n"
    )
    assert fold("Subject", "Words", "utf-8") == b"python's\r\n"
