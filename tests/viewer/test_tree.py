"""The parts of a message as a tree."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.viewer import attached, view
from django_mailplus.viewer.tree import Part, mime_tree

PNG = b"\x89PNG\r\n\x1a\n"


def outline(part: Part, depth: int = 0) -> list[str]:
    told = "" if part.index is None else f" #{part.index}"
    lines = [f"{'  ' * depth}{part.content_type}{told}"]
    for child in part.children:
        lines += outline(child, depth + 1)
    return lines


def letter() -> EmailMessage:
    message = EmailMessage()
    message.set_content("Grüße")
    message.add_alternative("<img src='cid:logo'>", subtype="html")
    html = message.get_payload()[1]
    html.add_related(PNG, "image", "png", cid="<logo@x.inline>", disposition="inline")
    forwarded = EmailMessage()
    forwarded.set_content("Old")
    forwarded.add_attachment(b"x", "text", "csv", filename="in.csv")
    message.add_attachment(forwarded)
    message.add_attachment(b"%PDF", "application", "pdf", filename="März.pdf")
    return message


def test_the_tree_of_a_mail_with_all_there_is():
    raw = letter().as_bytes()
    tree = mime_tree(raw)
    assert outline(tree) == [
        "multipart/mixed",
        "  multipart/alternative",
        "    text/plain",
        "    multipart/related",
        "      text/html",
        "      image/png #0",
        "  message/rfc822 #1",
        "    multipart/mixed",
        "      text/plain",
        "      text/csv",
        "  application/pdf #2",
    ]
    text, rich = tree.children[0].children
    assert (text.charset, text.encoding, text.size) == ("utf-8", "8bit", 8)
    picture = rich.children[1]
    assert (picture.content_id, picture.disposition) == ("logo@x.inline", "inline")
    assert (picture.size, picture.charset) == (len(PNG), "")
    pdf = tree.children[2]
    assert (pdf.filename, pdf.disposition, pdf.size) == ("März.pdf", "attachment", 4)
    assert tree.children[0].size == sum(part.size for part in (text, rich))


def test_the_numbers_are_those_of_the_attachments():
    raw = letter().as_bytes()

    def check(part: Part) -> int:
        found = 0
        if part.index is not None:
            shown, data = attached(raw, part.index)
            assert shown == view(raw).attachments[part.index]
            assert (shown.filename, shown.size) == (part.filename, part.size)
            assert len(data) == part.size
            found = 1
        return found + sum(check(child) for child in part.children)

    assert check(mime_tree(raw)) == len(view(raw).attachments) == 3


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "text/plain"),
        (b"Subject: x\r\n\r\nHello", "text/plain"),
        (b"Content-Type: application/pdf\r\n\r\nHello", "application/pdf #0"),
        (b"Content-Type: multipart/mixed\r\n\r\nno boundary", "multipart/mixed #0"),
    ],
)
def test_a_mail_of_one_part(raw, told):
    assert outline(mime_tree(raw)) == [told]


def test_very_many_parts():
    part = b"--b\r\n\r\nx\r\n"
    raw = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * 12_000
    tree = mime_tree(raw + b"--b--\r\n")
    assert len(tree.children) == 9_999
    assert tree.is_cut


@pytest.mark.parametrize("depth", [50, 150, 400, 10_000])
def test_parts_within_parts_within_parts(depth):
    raw = b""
    for number in range(depth):
        raw += b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (
            number,
            number,
        )
    part, deep = mime_tree(raw + b"\r\nx"), 0
    while part.children:
        part, deep = part.children[0], deep + 1
    assert deep in (depth, 100, 0)
    assert part.is_cut is (deep == 100)


def test_a_mail_within_a_mail_within_a_mail():
    raw = b"Content-Type: message/rfc822\r\n\r\n" * 300 + b"\r\nx"
    assert mime_tree(raw).content_type == "message/rfc822"


@given(st.binary(max_size=300))
def test_any_bytes_have_a_tree(raw):
    assert isinstance(mime_tree(raw), Part)


HEADERS = st.sampled_from(
    [
        *(b"Content-Type: ", b"multipart/mixed; boundary=b\r\n", b"message/rfc822\r\n"),
        *(b"--b\r\n", b"\r\n", b"Content-ID: <\xff>\r\n", b"x", b"\x00"),
        b"Content-Disposition: attachment; filename*=x''%ff\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"text/html; charset=\xff\r\n",
    ]
)


@given(st.lists(HEADERS, max_size=20).map(b"".join))
def test_any_structure_has_a_tree_with_the_numbers_of_its_attachments(raw):
    tree = mime_tree(raw)
    numbers = []

    def collect(part: Part) -> None:
        numbers.extend([part.index] if part.index is not None else [])
        for child in part.children:
            collect(child)

    collect(tree)
    assert sorted(numbers) == list(range(len(view(raw).attachments)))
