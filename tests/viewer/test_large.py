"""Large mails: what of them is read, and that nothing of them is lost."""

from __future__ import annotations

from base64 import encodebytes

import pytest

from django_mailplus.viewer import (
    aside,
    attached,
    mime,
    rewriting,
    view,
)
from django_mailplus.viewer.bodies import LONGEST_SHOWN, MOST_SHOWN
from django_mailplus.viewer.frame import frame_document
from django_mailplus.viewer.mime import parse
from django_mailplus.viewer.tree import mime_tree
from django_mailplus.viewer.verdict import reading, verdict

SIZE = 4_000_000
HEAD = b"From: ann@example.com\r\nSubject: large\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
WORDS = "Grüße und --Bindestriche\r\n-- \r\n--> und =3D <p style='color:red'>x</p>\r\n"


def one(kind: str, words: bytes, *headers: str) -> bytes:
    lines = [f"Content-Type: {kind}; charset=utf-8", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + words


def filled(words: bytes) -> bytes:
    return words * (SIZE // len(words))


def within(*parts: bytes) -> bytes:
    return MIXED + b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--"


BASE64 = "Content-Transfer-Encoding: base64"
QUOTED = "Content-Transfer-Encoding: Quoted-Printable"
FILE = "Content-Disposition: attachment; filename=a.bin"
LONG_HEADERS = [f"X-{n}: {'b' * 60}" for n in range(2_000)]
BEHIND_THE_TYPE = "\r\n".join(["", *LONG_HEADERS, "", ""]).encode()
PLAIN = filled(WORDS.encode())
NESTED = within(one("text/plain", b"inner"), one("text/html", PLAIN, FILE))
LARGE = {
    "text": HEAD + one("text/plain", PLAIN),
    "html": HEAD + one("text/html", PLAIN),
    "base64": HEAD + one("text/html", encodebytes(PLAIN), BASE64),
    "base64 in one line": HEAD
    + one("text/html", encodebytes(PLAIN).replace(b"\n", b"")[:-1], BASE64),
    "quoted-printable": HEAD
    + one("text/html", filled(b"Gr=C3=BC=C3=9Fe =\r\nund\r\n"), QUOTED),
    "file": within(one("text/plain", b"hi"), one("image/png", PLAIN, FILE)),
    "message": within(one("text/plain", b"hi"), one("message/rfc822", NESTED)),
    "file behind long headers": within(
        one("text/plain", b"hi"), one("image/png", PLAIN, FILE, *LONG_HEADERS)
    ),
    "file behind a long header": within(
        one("text/plain", b"hi"), one("image/png", PLAIN, FILE, "X-A: " + "b" * 90_000)
    ),
    "message with long headers": within(
        one("message/rfc822", NESTED.replace(b"\r\n\r\n", BEHIND_THE_TYPE, 1))
    ),
    "lines that end with CR": within(
        one("text/plain", b"hi"), one("image/png", PLAIN, FILE)
    ).replace(b"\r\n", b"\r"),
    "one line": HEAD + one("text/plain", b"x" * SIZE),
    "header": HEAD + b"X-A: " + b"b" * SIZE + b"\r\n\r\nhi",
    "headers": HEAD + filled(b"X-A: b\r\n") + b"\r\nhi",
    "boundaries": MIXED + filled(b"--y\r\n"),
    "parts": within(*[one("text/plain", b"x" * 3_000, FILE)] * 2_000),
    "bodies": within(*[one("text/plain", b"x" * 3_000)] * 2_000),
    "deep": HEAD
    + b"".join(
        b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (n, n)
        for n in range(900)
    )
    + one("text/plain", PLAIN),
}


@pytest.fixture
def read(monkeypatch):
    """How many bytes or characters each reader was given, by its name."""
    seen: dict[str, int] = {}

    def watch(module, name):
        function = getattr(module, name)

        def watched(source, *args, **options):
            seen[name] = seen.get(name, 0) + len(source)
            return function(source, *args, **options)

        monkeypatch.setattr(module, name, watched)

    watch(mime, "message_from_bytes")
    watch(rewriting, "tokens")
    watch(reading, "tokens")
    return seen


@pytest.mark.parametrize("name", LARGE)
def test_whatever_a_page_shows_reads_little_of_it(read, name):
    parsed = parse(LARGE[name])
    seen = view(parsed, in_brief=True)
    frame = frame_document(parsed)
    verdict(parsed)
    mime_tree(parsed, most=MOST_SHOWN)
    assert read["message_from_bytes"] < 4_500_000
    assert read.get("tokens", 0) <= 2 * LONGEST_SHOWN + 100
    for shown in (seen.text, seen.html):
        assert len((shown or "").encode()) <= LONGEST_SHOWN + len(parsed.leaves)
    assert len(frame.html) < 2 * LONGEST_SHOWN
    assert len(seen.attachments) <= MOST_SHOWN


@pytest.mark.parametrize(
    "name", sorted(LARGE.keys() - {"header", "headers", "boundaries", "deep"})
)
def test_nothing_is_lost(monkeypatch, name):
    """The email package, given the whole message, is the judge."""
    raw = LARGE[name]
    seen, tree = view(raw), mime_tree(raw)
    files = [attached(raw, number) for number in range(2)]
    monkeypatch.setattr(aside, "_SMALL", len(raw))
    assert view(raw) == seen
    assert mime_tree(raw) == tree
    assert [attached(raw, number) for number in range(2)] == files


@pytest.mark.parametrize("header", ["X-A: " + "b" * 400_000, "X-A: b\r\n" * 50_000])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_behind_long_headers_stands_the_whole_text(header, end):
    raw = HEAD + header.strip().encode() + b"\r\n\r\nhello\r\n\r\nhow are you?\r\n"
    seen = view(raw.replace(b"\r\n", end.encode()))
    assert seen.text == "hello\n\nhow are you?\n"
    assert {name for name, _ in seen.headers} <= {
        "From",
        "Subject",
        "MIME-Version",
        "X-A",
    }


def test_a_report_that_is_none_is_whole():
    words = encodebytes(PLAIN)
    raw = within(one("message/delivery-status", words))
    _, content = attached(raw, 0)
    assert content.strip() == words.strip()


def test_an_attached_message_that_is_folded_anew_is_whole():
    headers = "".join(f"X-{n}: {'b' * 80}\n" for n in range(2_000)).encode()
    raw = b"Content-Type: message/rfc822\n\n" + headers + b"\n" + PLAIN + b"The end"
    _, content = attached(raw, 0)
    assert len(content) > len(raw.replace(b"\r\n", b"\n"))
    assert content.endswith(b"The end")


def test_what_is_left_out_is_told():
    seen = view(LARGE["base64"], in_brief=True)
    assert seen.html_left_out == len(PLAIN) - LONGEST_SHOWN
    assert seen.text_left_out == 0
    assert WORDS.replace("\r\n", "\n") in seen.html
    seen = view(LARGE["bodies"], in_brief=True)
    assert seen.text_left_out == 6_000_000 - LONGEST_SHOWN
    seen = view(LARGE["parts"], in_brief=True)
    assert len(seen.attachments) + seen.attachments_left_out == 2_000
    assert {each.size for each in seen.attachments} == {3_000}


@pytest.mark.parametrize("before", range(3))
def test_a_cut_within_a_character_leaves_that_out(before):
    text = "x" * before + "€" * 400_000
    seen = view(HEAD + one("text/plain", text.encode()), in_brief=True)
    assert set(seen.text) <= {"x", "€"}
    assert text.startswith(seen.text)
    assert LONGEST_SHOWN - 3 < len(seen.text.encode()) <= LONGEST_SHOWN


def test_of_a_large_mail_each_part_says_its_size():
    [text, file] = mime_tree(LARGE["file"]).children
    assert (text.size, file.size) == (2, len(PLAIN))
    assert file.filename == "a.bin"


def test_the_html_of_a_large_mail_is_weighed_whole():
    found = {each.name: each for each in verdict(LARGE["html"]).findings}
    assert found["size"].label == "4.0 MB"
    assert found["size"].text.startswith("The HTML has 4.0 MB.")


def test_no_mail_writes_a_mark_that_another_one_has():
    """What was put aside is found again by a mark that is another one each time."""
    raw = LARGE["text"]
    skeletons = [aside.Aside(raw).skeleton for _ in range(2)]
    assert skeletons[0] != skeletons[1]
    assert all(len(skeleton) < len(raw) for skeleton in skeletons)
