"""Any message to safe, readable parts."""

from __future__ import annotations

import dataclasses
import random
import re
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.viewer import (
    AttachmentView,
    MessageView,
    attached,
    clean_line,
    clean_text,
    find_links,
    view,
)


def newsletter() -> bytes:
    message = EmailMessage()
    message["From"] = "Müllers Laden <shop@example.com>"
    message["To"] = "Zoë <zoe@example.com>"
    message["Subject"] = "Größe & Preis ✓ " * 8
    message.set_content("Schöne Grüße\nhttps://shop.example.com/ja?t=abc_\n")
    message.add_alternative(
        "<p>Schöne <a href='https://html.example/'>Grüße</a></p>", subtype="html"
    )
    message.add_attachment(
        b"%PDF" * 9, maintype="application", subtype="pdf", filename="März.pdf"
    )
    message.add_attachment("a,b\n", subtype="csv", filename="table.csv")
    return message.as_bytes()


def single(body: bytes, content_type: str = "text/plain", *headers: str) -> MessageView:
    lines = [f"Content-Type: {content_type}", *headers]
    return view("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def test_a_multipart_mail_comes_apart_into_readable_parts():
    seen = view(newsletter())
    assert seen.subject == "Größe & Preis ✓ " * 7 + "Größe & Preis ✓"
    assert seen.header("from") == "Müllers Laden <shop@example.com>"
    assert seen.headers[1] == ("To", "Zoë <zoe@example.com>")
    assert seen.text == "Schöne Grüße\nhttps://shop.example.com/ja?t=abc_\n"
    assert seen.html == "<p>Schöne <a href='https://html.example/'>Grüße</a></p>\n"
    assert seen.links == ("https://shop.example.com/ja?t=abc_",)
    assert seen.attachments == (
        AttachmentView(filename="März.pdf", content_type="application/pdf", size=36),
        AttachmentView(filename="table.csv", content_type="text/csv", size=4),
    )


def test_views_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        view(b"").subject = "x"


def test_nothing_at_all_is_an_empty_mail():
    assert view(b"") == MessageView(
        headers=(), subject="", text="", html=None, attachments=()
    )


def test_text_with_a_file_name_is_an_attachment():
    seen = single(b"log", 'text/plain; name="server.log"')
    assert seen.text is None
    assert [part.filename for part in seen.attachments] == ["server.log"]


def test_an_attached_message_is_one_attachment_and_stays_closed():
    outer = MIMEMultipart()
    outer.attach(MIMEText("see below"))
    inner = MIMEText("secret body")
    inner["Subject"] = "inner"
    outer.attach(MIMEMessage(inner))

    seen = view(outer.as_bytes())

    assert seen.text == "see below"
    assert [part.content_type for part in seen.attachments] == ["message/rfc822"]
    assert seen.attachments[0].size == len(inner.as_bytes())
    assert attached(outer.as_bytes(), 0) == (seen.attachments[0], inner.as_bytes())
    assert attached(outer.as_bytes(), 1) is None
    assert attached(outer.as_bytes(), -1) is None


def test_several_text_parts_are_read_one_after_the_other():
    outer = MIMEMultipart()
    outer.attach(MIMEText("first"))
    outer.attach(MIMEText("second"))
    assert view(outer.as_bytes()).text == "first\nsecond"


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("日本語".encode("iso-2022-jp"), "iso-2022-jp", "日本語"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "no-such-charset", "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "no-such-charset", "Grüße"),
        (b"Gr\xfc\x81e", "utf-8", "Grü\ufffde"),
        (b"plain", "hex", "plain"),
        (b"a-9", "punycode", "a-9"),
        (b"plain", "utf-8\x00", "plain"),
        (b"plain", "''", "plain"),
    ],
)
def test_a_wrong_charset_costs_as_few_characters_as_can_be(body, charset, text):
    assert single(body, f"text/plain; charset={charset}").text == text


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", b"R3LDvMOfZQ==", "Grüße"),
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe =\r\nx", "Grüße x"),
        ("quoted-printable", b"100 =ZZ", "100 =ZZ"),
        ("no-such-encoding", "Grüße".encode(), "Grüße"),
    ],
)
def test_transfer_encodings_are_undone_even_when_broken(encoding, body, text):
    seen = single(
        body, "text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}"
    )
    assert seen.text == text


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?B?R3LDvMOfZQ==?= an =?iso-8859-1?q?Zo=EB?=", "Grüße an Zoë"),
        ("=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a_?= =?utf-8?q?b?= c", "a b c"),
        ("=?utf-8?b?w6Q?=", "ä"),
        ("=?utf-8?q?=C3?= =?UTF-8?q?=A4?=", "ä"),
        ("=?utf-8*de?q?=C3=A4?=", "ä"),
        ("=?no-such?q?=C3=A4?=", "ä"),
        ("=?utf-8?b?a?=", "a"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("folded\r\n\tline", "folded line"),
        ("raw Grüße", "raw Grüße"),
        ("=?utf-8?b?Gxs=?=", "␛␛"),
        ("=?utf-8?q?two=0Alines?=", "two lines"),
    ],
)
def test_subjects_are_decoded_onto_one_line(raw, subject):
    assert view(b"Subject: " + raw.encode() + b"\r\n\r\n").subject == subject


def test_a_raw_header_in_latin_1_is_read():
    assert view("Subject: Grüße\r\n\r\n".encode("latin-1")).subject == "Grüße"


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('filename="plain.txt"', "plain.txt"),
        ("filename*=utf-8''M%C3%A4rz.pdf", "März.pdf"),
        ("filename*0*=utf-8''M%C3%A4; filename*1=rz.pdf", "März.pdf"),
        ('filename="=?utf-8?q?M=C3=A4rz=2Epdf?="', "März.pdf"),
        ("filename*=no-such''x%E4", "x"),
        ("filename*=broken", "broken"),
        ("filename*99999999999999999999*=x", ""),
        ('filename="../../etc/\x1b[2Jpasswd"', "../../etc/␛[2Jpasswd"),
        ('filename="März.pdf"', "März.pdf"),
        ('filename="gpj.\u202eexe"', "gpj.exe"),
    ],
)
def test_file_names_are_decoded_and_safe_to_print(disposition, filename):
    seen = single(b"x", "a/b", f"Content-Disposition: attachment; {disposition}")
    assert seen.attachments[0].filename.startswith(filename)
    assert is_safe(seen.attachments[0].filename)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.example.", ("https://a.example",)),
        ("(https://a.example/x)", ("https://a.example/x",)),
        ("https://a.example/x_(y)", ("https://a.example/x_(y)",)),
        ("(see https://a.example/x_(y)).", ("https://a.example/x_(y)",)),
        ("<https://a.example/?a=1&b=2>", ("https://a.example/?a=1&b=2",)),
        (
            "HTTP://A.example/\nhttp://b.example",
            ("HTTP://A.example/", "http://b.example"),
        ),
        ("https://b https://a https://b", ("https://b", "https://a")),
        ("https://a.example/token-_=", ("https://a.example/token-_=",)),
        ("“https://a.example/” said", ("https://a.example/",)),
        ("https://bücher.example/ä", ("https://bücher.example/ä",)),
        ("https://a.example/␛[0m", ("https://a.example/",)),
        ("javascript:alert(1) ftp://x mailto:a@b https://", ()),
    ],
)
def test_links_of_a_text_are_found_without_the_punctuation_after_them(text, links):
    assert find_links(text) == links


def test_links_of_html_count_only_where_there_is_no_text():
    html = (
        b"<a href='https://a.example/?x=1&amp;y=2'>1</a><a href=' https://b.example/\n'>2</a>"
        b"<a href='javascript:alert(1)'>3</a><a>4</a><a href>5</a><area href=https://c.example>"
        b"<a href='https://a.example/?x=1&amp;y=2'>6</a><img src='https://tracker.example'>"
    )
    seen = single(html, "text/html")
    assert seen.text is None
    assert seen.links == (
        "https://a.example/?x=1&y=2",
        "https://b.example/",
        "https://c.example",
    )


def test_links_are_those_that_a_browser_opens():
    """Of two targets the first, of an element whose content nobody sees none."""
    html = (
        b"<iframe><a href=https://frame.example></a></iframe>"
        b"<a href=https://first.example href=https://second.example>1</a>"
        b"<![x> <a href=https://after.example>2</a>"
    )
    seen = single(html, "text/html")
    assert seen.links == ("https://first.example", "https://after.example")


@pytest.mark.parametrize(
    "html",
    [
        "<![bad[",
        "<!DOCTYPE [",
        "<a href='https://a",
        "</",
        "<!--",
        "&#xFFFFFFFF;",
        "<a \x00=>",
    ],
)
def test_broken_html_has_no_links_and_no_errors(html):
    assert single(html.encode(), "text/html").links == ()


def test_controls_become_visible_and_line_ends_become_newlines():
    assert (
        clean_text("a\r\nb\rc\x1b[2J\x00\x7f\x9b\ud800\t")
        == "a\nb\nc␛[2J␀\ufffd\ufffd\ufffd\t"
    )
    assert clean_line(" a\r\n\tb\u2028c\u202e ") == "a b c"


def test_nesting_too_deep_to_parse_is_shown_as_it_was_sent():
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n)
        for n in range(3000)
    )
    seen = view(b"Subject: deep\n" + b"".join(levels) + b"\nhello")
    assert seen.subject == "deep"
    assert seen.text is not None
    assert seen.text.endswith("hello")


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/mixed; boundary=b\n\nnever opened",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nnever closed",
        b"Content-Type: message/rfc822\n\n" * 200,
        b"Content-Type: text/plain; charset*0*=utf-8''u; charset*1=\x00\n\nx\xff",
        b"Content-Type: text/plain; charset*=x\n\n\xff",
        b"Content-Type: \xff\xfe;;;=\n\nx",
        b"Content-Transfer-Encoding: base64\nContent-Type: message/rfc822\n\n!!!",
        b"Content-Transfer-Encoding: x-uuencode\n\nbegin 666 x\n\xff\n",
        b"\x00\n\n\x00",
        b": no name\n\nx",
        b"\n\n\n",
    ],
)
def test_broken_structure_is_read_as_far_as_can_be(raw):
    assert is_safe_view(view(raw))
    assert every_attachment_is_there(raw)


def is_safe(text: str) -> bool:
    return not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text
    )


def is_safe_view(seen: MessageView) -> bool:
    one_line = [seen.subject, *(text for header in seen.headers for text in header)]
    one_line += [
        text for part in seen.attachments for text in (part.filename, part.content_type)
    ]
    many_lines = [seen.text or "", seen.html or "", *seen.links]
    return all(map(is_safe, [*one_line, *many_lines])) and not any(
        "\n" in text for text in one_line
    )


def every_attachment_is_there(raw: bytes) -> bool:
    listed = view(raw).attachments
    found = [attached(raw, number) for number in range(len(listed))]
    return attached(raw, len(listed)) is None and all(
        found is not None and found[0] == told and len(found[1]) == told.size
        for told, found in zip(listed, found, strict=True)
    )


@given(st.binary(max_size=2_000))
def test_no_bytes_raise_or_give_a_control_character(raw):
    assert is_safe_view(view(raw))
    assert every_attachment_is_there(raw)


HEADER_PIECES = st.sampled_from(
    [
        "text/plain",
        "text/html",
        "multipart/mixed",
        "message/rfc822",
        ";charset=",
        ";boundary=b",
        "utf-8",
        "utf-7",
        "utf-16",
        "hex",
        "=?utf-8?b?",
        "?=",
        '"',
        ";",
        "*0*=",
        "''",
        "\x1b",
        "ä",
    ]
)


@given(
    content_type=st.lists(HEADER_PIECES, max_size=6).map("".join),
    disposition=st.lists(HEADER_PIECES, max_size=6).map("".join),
    encoding=st.sampled_from(
        ["7bit", "base64", "quoted-printable", "x-uuencode", "binary", "="]
    ),
    body=st.binary(max_size=200),
)
def test_no_combination_of_headers_raises(content_type, disposition, encoding, body):
    head = (
        f"Content-Type: {content_type}\nContent-Disposition: attachment; filename={disposition}\n"
        f"Content-Transfer-Encoding: {encoding}\nSubject: {disposition}\n\n"
    )
    raw = head.encode() + b"--b\n" + head.encode() + body + b"\n--b--\n"
    assert is_safe_view(view(raw))
    assert every_attachment_is_there(raw)


@given(st.randoms(use_true_random=False))
def test_no_damage_to_a_real_mail_raises(rnd: random.Random):
    raw = bytearray(newsletter())
    for _ in range(rnd.randrange(1, 12)):
        at = rnd.randrange(len(raw))
        length = rnd.randrange(40)
        damage = rnd.choice(["cut", "copy", "byte"])
        if damage == "cut":
            del raw[at : at + length]
        elif damage == "copy":
            raw[at:at] = raw[rnd.randrange(len(raw)) :][:length]
        else:
            raw[at] = rnd.randrange(256)
    assert is_safe_view(view(bytes(raw)))
    assert every_attachment_is_there(bytes(raw))


def test_parameters_without_end_are_read_to_a_point():
    """The email package takes time by their square: a megabyte would take minutes."""
    many = b"; a*0=b" * 5_000
    raw = (
        b"Subject: S\r\nContent-Type: text/html; charset=utf-8" + many + b"\r\n"
        b"Content-Disposition: inline" + many + b"\r\n"
        b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n<p>Hello</p>"
    )
    seen = view(raw)
    assert seen.html == "<p>Hello</p>"
    assert len(seen.header("Content-Type")) <= 10_000
    assert len(seen.header("Content-Disposition")) <= 10_000
    assert len(seen.header("X-Long")) == 20_000
