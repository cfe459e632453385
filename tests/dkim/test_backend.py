"""Mail that was signed arrives with a signature that holds."""

from __future__ import annotations

import email
import functools
import re
from pathlib import Path

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from dkim_checks import holds
from misbehaving_server import MisbehavingServer

from django_mailplus.backends.dkim import EmailBackend
from django_mailplus.compat import InvalidMailer, get_mailer
from django_mailplus.dkim.keys import new_key
from django_mailplus.message.carried import FinishedMessage

PATH = "django_mailplus.backends.dkim.EmailBackend"
SMTP = "django_mailplus.backends.smtp.EmailBackend"
LOCMEM = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


@functools.cache
def made(algorithm="rsa-sha256", domain="example.com"):
    key, pem = new_key(domain=domain, selector=algorithm[:3], algorithm=algorithm)
    entry = {"domain": domain, "selector": algorithm[:3], "key": pem(None).decode()}
    return key, entry


@pytest.fixture
def server():
    with MisbehavingServer() as server:
        yield server


@pytest.fixture
def mailer(with_mailers, server):
    def configure(*entries, leaf=None):
        smtp = {
            "BACKEND": SMTP,
            "OPTIONS": {"host": server.host, "port": server.port},
        }
        options = {"using": "smtp", "keys": list(entries)}
        with_mailers(
            {
                "default": {"BACKEND": PATH, "OPTIONS": options},
                "smtp": leaf or smtp,
            }
        )
        return get_mailer("default")

    return configure


def letter(body="Hello\n", **fields):
    known = {
        "subject": "Grüße",
        "body": body,
        "from_email": "Ann <ann@example.com>",
        "to": ["bob@b.org"],
        "bcc": ["eve@b.org"],
    }
    return EmailMultiAlternatives(**known | fields)


def with_all():
    message = letter("Prices in €: Ł ÿ 雨\n.\n..\nFrom here\n  \n\n")
    message.attach_alternative("<p>é</p>" + "x" * 2000, "text/html")
    message.attach("ä.txt", "ö\n", "text/plain")
    message.attach("b.bin", bytes(range(256)), "application/octet-stream")
    message.extra_headers |= {
        "List-Unsubscribe": "<https://example.com/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return message


@pytest.mark.parametrize("message", [letter, with_all], ids=["short", "all"])
def test_what_arrives_is_signed(mailer, server, message):
    (rsa, one), (ed, two) = made(), made("ed25519-sha256")
    sent = message()
    assert mailer(one, two).send_messages([sent]) == 1
    [got] = server.taken
    assert holds(got.content, rsa, ed)
    assert got.content.isascii()
    assert got.recipients == ["bob@b.org", "eve@b.org"]
    assert b"eve@" not in got.content
    assert [r.kind for r in sent.delivery_result.recipients] == ["accepted"] * 2


def test_a_key_is_chosen_by_the_domain_of_the_sender(mailer, server):
    (key, one), (other, two) = made(), made(domain="example.org")
    mailed = mailer(one, two)
    mailed.send_messages([letter(from_email="x@news.example.org")])
    mailed.send_messages([letter()])
    assert holds(server.taken[0].content, other)
    assert holds(server.taken[1].content, key)


def test_it_is_the_header_that_counts_not_the_envelope(mailer, server):
    """Receivers compare with the From that people see (RFC 7489 section 3.1)."""
    (_, one), (other, two) = made(), made(domain="example.org")
    sent = letter(headers={"From": '"ann@example.com" <x@example.org>'})
    mailer(one, two).send_messages([sent])
    [got] = server.taken
    assert got.sender == "ann@example.com"
    assert holds(got.content, other)


def test_a_sender_without_a_key_is_an_error(mailer, server):
    with pytest.raises(ValueError, match=r"no DKIM key .*there are: example\.com"):
        mailer(made()[1]).send_messages([letter(from_email="x@other.example")])
    assert server.taken == []


def test_a_key_may_stand_in_a_file(mailer, server, tmp_path):
    key, entry = made()
    path = tmp_path / "key.pem"
    path.write_text(entry["key"])
    mailer({**entry, "key": str(path)}).send_messages([letter()])
    assert holds(server.taken[0].content, key)


def test_the_message_of_the_caller_stays_as_it_was(mailer):
    sent = letter()
    before = dict(vars(sent))
    mailer(made()[1]).send_messages([sent])
    assert {n: v for n, v in vars(sent).items() if n != "delivery_result"} == before


@pytest.mark.parametrize(
    ("entries", "leaf", "words"),
    [
        ([], None, "must define 'keys'"),
        (["x"], None, "it takes dicts"),
        ([{"domain": "example.com"}], None, "lacks its 'selector'"),
        ([{**made()[1], "kye": 1}], None, "unknown fields 'kye'"),
        ([{**made()[1], "key": "/no/such/file"}], None, "No such.*dkimkey"),
        ([{**made()[1], "key": Path("/no/such")}], None, "No such.*dkimkey"),
        ([{**made()[1], "password": "x"}], None, "not encrypted"),
        ([made()[1]], {"BACKEND": "example_backends.Refusing"}, "as they are"),
    ],
)
def test_mistakes_are_told_before_a_mail_is_sent(mailer, entries, leaf, words):
    with pytest.raises(InvalidMailer, match=words):
        mailer(*entries, leaf=leaf)
    options = {"using": "smtp", "keys": entries}
    [finding] = [f for f in EmailBackend.check("x", options) if re.search(words, f.msg)]
    assert finding.id == "mailplus.E051"
    assert "PRIVATE" not in finding.msg


def test_a_developer_may_look_at_signed_mail(mailer):
    mailer(made()[1], leaf=LOCMEM).send_messages([letter()])
    got = django_mail.outbox[-1].message().as_bytes()
    assert got.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")


def test_a_plain_message_class_is_enough(mailer, server):
    key, entry = made()
    sent = EmailMessage("Hi", "Hello", "ann@example.com", ["bob@b.org"])
    mailer(entry).send_messages([sent])
    assert holds(server.taken[0].content, key)


TYPES = ["text/plain", "text/plain; charset=x-unknown", "application/json"]


@pytest.mark.parametrize("kind", TYPES)
def test_what_no_charset_can_read_is_sent_all_the_same(mailer, server, kind):
    """As it would be without a signature."""
    key, entry = made()
    content = "[é]  \r\n".encode() + b"\xff\r\n"
    head = f"From: a@example.com\r\nContent-Type: {kind}\r\n"

    class Written(EmailMessage):
        def message(self, **how):
            return FinishedMessage(head.encode() + b"\r\n" + content).message(**how)

    mailer(entry).send_messages([Written(to=["bob@b.org"])])
    [got] = server.taken
    assert holds(got.content, key)
    assert got.content.isascii()
    parsed = email.message_from_bytes(got.content)
    assert parsed.get_payload(decode=True) == content
    assert parsed["Content-Type"] == kind


@pytest.mark.django_db
def test_both_headers_of_one_click_are_signed(with_mailers, server):
    """As RFC 8058 section 4 demands; without either the signature is broken."""
    streams = {
        "BULK_STREAMS": {"news": "News"},
        "BASE_URL": "https://shop.example.com",
    }
    key, entry = made()
    smtp = {"host": server.host, "port": server.port}
    with_mailers(
        {
            "default": {
                "BACKEND": "django_mailplus.backends.suppression.EmailBackend",
                "OPTIONS": {"using": "dkim"},
            },
            "dkim": {"BACKEND": PATH, "OPTIONS": {"using": "smtp", "keys": [entry]}},
            "smtp": {"BACKEND": SMTP, "OPTIONS": smtp},
        },
        MAILPLUS=streams,
    )
    sent = letter(bcc=[])
    sent.stream = "news"
    assert get_mailer("default").send_messages([sent]) == 1
    data = server.taken[0].content
    assert holds(data, key)
    for name in (b"List-Unsubscribe", b"List-Unsubscribe-Post"):
        without = re.sub(rb"(?mi)^%s:.*\r\n(?:[ \t].*\r\n)*" % name, b"", data)
        assert len(without) < len(data)
        assert not holds(without, key)
