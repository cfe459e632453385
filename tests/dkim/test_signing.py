"""Signatures that an independent implementation of RFC 6376 accepts."""

from __future__ import annotations

import base64
import functools
import re

import pytest
from dkim_checks import holds

from django_mailplus.dkim.canonical import relaxed_body, relaxed_field, split
from django_mailplus.dkim.keys import KeyFormatError, dns_record, new_key, read_key
from django_mailplus.dkim.signing import sign

PLAIN = b"From: ann@example.com\r\nTo: bob@b.org\r\nSubject: Hi\r\n\r\nHello\r\n"


@functools.cache
def key(algorithm="rsa-sha256", selector="one"):
    return new_key(domain="example.com", selector=selector, algorithm=algorithm)[0]


RSA, ED25519 = key(), key("ed25519-sha256", "two")


def signed(message, *keys):
    return sign(message, keys or [RSA])


BODIES = [
    b"",
    b"\r\n",
    b"\r\n\r\n\r\n",
    b"Hello",
    b"Hello\r\n\r\n\r\n",
    b" C \r\nD \t E\r\n\r\n\r\n",  # RFC 6376 section 3.4.5
    b"trailing \t\r\n  leading\r\n",
    b"\t\r\n \r\n",
    b"a" * 998 + b"\r\n",
    b"lone \r in it\r\n",
    b".\r\n..\r\nFrom x\r\n",
    b"\xc3\xa9 \xff\r\n",
]
HEADS = [
    b"From: ann@example.com\r\n",
    b"FROM:ann@example.com\r\nsubject: \t Hi  there \r\n",
    b"From: Ann\r\n <ann@example.com>\r\nSubject: a\r\n\tb\r\n  c\r\n",
    b"From: a@example.com\r\nCc: x@b.org\r\nCc: y@b.org\r\nCc: z@b.org\r\n",
    b"Subject:\r\nFrom: a@example.com\r\nReply-To: \r\n",
    b"From: a@example.com\r\nX-Unsigned: 1\r\nDKIM-Signature: v=1; other\r\n",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("head", HEADS, ids=range(len(HEADS)))
def test_another_implementation_accepts_it(head, body):
    message = signed(head + b"\r\n" + body, RSA, ED25519)
    assert holds(message, RSA, ED25519)


@pytest.mark.parametrize(
    "many", [b"\r\n" * 500_000, b" " * 1_000_000, b" \t" * 500_000]
)
def test_many_empty_lines_or_spaces_take_no_longer(many):
    """By the square they would take hours."""
    body = b"a \r\n" + many + b"x \t\r\n"
    kept = many if many[:1] == b"\r" else b" "
    assert relaxed_body(body) == b"a\r\n" + kept + b"x\r\n"


@pytest.mark.parametrize("line_end", [b"\n", b"\r"])
def test_line_ends_are_those_of_the_wire(line_end):
    assert sign(PLAIN.replace(b"\r\n", line_end), [RSA], timestamp=1) == (
        sign(PLAIN, [RSA], timestamp=1)
    )


@pytest.mark.parametrize(
    "name",
    [
        b"From", b"To", b"Cc", b"Subject", b"Date", b"Reply-To", b"List-Unsubscribe",
        b"List-Unsubscribe-Post",
    ],
)  # fmt: skip
def test_nobody_can_add_another(name):
    message = signed(PLAIN)
    head, _, body = message.partition(b"\r\nFrom: ")
    forged = head + b"\r\n" + name + b": forged\r\nFrom: " + body
    assert holds(message, RSA)
    assert not holds(forged, RSA)


@pytest.mark.parametrize("part", [b"Hello", b"Hi", b"bob@b.org", b"ann@example.com"])
def test_a_change_is_seen(part):
    assert not holds(signed(PLAIN).replace(part, b"x" + part), RSA)


def test_spaces_and_lines_may_change_on_the_way():
    message = signed(PLAIN)
    changed = message.replace(b"Subject: Hi", b"SUBJECT:\r\n  Hi ") + b"\r\n\r\n"
    assert holds(changed, RSA)


def test_both_unsubscribe_fields_are_signed():
    """RFC 8058 section 4: else mail clients show no button."""
    message = (
        b"List-Unsubscribe: <https://example.com/u/1>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" + PLAIN
    )
    [names] = re.findall(rb"\sh=([^;]+);", sign(message, [RSA]))
    found = re.sub(rb"\s", b"", names).split(b":")
    assert found.count(b"list-unsubscribe") == 2
    assert found.count(b"list-unsubscribe-post") == 2
    assert holds(signed(message), RSA)


def test_its_lines_are_short():
    head = sign(PLAIN, [RSA, ED25519]).partition(b"\r\nFrom")[0]
    lines = head.split(b"\r\n")
    assert max(map(len, lines)) <= 90
    assert all(re.match(rb"DKIM-Signature: v=1|\s\S", line) for line in lines)


@pytest.mark.parametrize(
    "head", [b"To: b@b.org\r\n", b"From: a@b.c\r\nfrom: d@e.f\r\n"]
)
def test_no_sender_or_two_are_refused(head):
    with pytest.raises(ValueError, match="From fields"):
        sign(head + b"\r\nHello\r\n", [RSA])


def test_the_examples_of_the_rfc():
    """Section 3.4.5."""
    head, body = split(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n")
    assert relaxed_field(b"b", b" Y\t\r\n\tZ  ") == b"b:Y Z"
    assert relaxed_body(body) == b" C\r\nD E\r\n"
    assert head == b"A: X\r\nB : Y\t\r\n\tZ  \r\n"


# Keys


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
@pytest.mark.parametrize("password", [None, "secret"])
def test_a_key_is_read_as_it_was_written(tmp_path, algorithm, password):
    made, pem = new_key(domain="Example.COM.", selector="s1", algorithm=algorithm)
    path = tmp_path / "key.pem"
    path.write_bytes(pem(password))
    text = path.read_text()
    for given in (path, str(path), text, text.replace("\n", "\\n"), path.read_bytes()):
        read = read_key(given, domain="example.com", selector="s1", password=password)
        assert (read.public, read.domain) == (made.public, "example.com")
        assert holds(signed(PLAIN, read), made)


def test_an_ed25519_seed_is_a_key():
    read = read_key(
        base64.b64encode(b"x" * 32).decode(), domain="example.com", selector="s"
    )
    assert holds(signed(PLAIN, read), read)


def test_a_record_says_the_public_half():
    name, text = dns_record(RSA)
    assert name == "one._domainkey.example.com"
    assert text.startswith("v=DKIM1; k=rsa; p=MIIB")


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        (b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", {}, "damaged"),
        (b"nonsense", {}, "."),
        ("locked", {}, "there is no password"),
        ("locked", {"password": "wrong"}, "password is wrong"),
        ("open", {"password": "x"}, "not encrypted"),
        ("open", {"domain": "exa mple"}, "no name of the DNS"),
        ("open", {"selector": ""}, "no name of the DNS"),
        ("short", {}, "512 bits|fewer"),
    ],
)
def test_a_key_that_cannot_be_used_says_why(given, options, words):
    _, pem = new_key(domain="example.com", selector="s", algorithm="ed25519-sha256")
    if given == "short":
        pytest.skip("cryptography makes no such key") if not _short() else None
    keys = {"locked": pem("secret"), "open": pem(None), "short": _short()}
    known = {"domain": "example.com", "selector": "s", **options}
    with pytest.raises((KeyFormatError, ValueError), match=words) as raised:
        read_key(keys.get(given, given), **known)
    assert "secret" not in str(raised.value)


def _short():
    try:
        _, pem = new_key(domain="example.com", selector="s", bits=512)
    except ValueError:
        return None
    return pem(None)


LOST = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7",  # its first line is missing
    base64.urlsafe_b64encode(b"x" * 32).decode().rstrip("="),
    "x" * 2000,
    "x\0y",
]


@pytest.mark.parametrize("secret", LOST)
def test_what_is_no_path_may_be_a_secret(secret):
    with pytest.raises(KeyFormatError, match="no file that can be read") as raised:
        read_key(secret, domain="example.com", selector="s")
    assert secret[:20] not in str(raised.value)


def test_a_repr_shows_no_key():
    assert repr(RSA) == (
        "Key(domain='example.com', selector='one', algorithm='rsa-sha256')"
    )
